__version__: str
ASYNC_CHANNEL: str
OPERATION_TYPES: tuple[str, ...]
