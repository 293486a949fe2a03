"""Channel layers, as Trio code uses them: `open_layer` and what it needs.

open            which bridge a project's CHANNEL_LAYERS gets
redis_*         the native bridge to asgi_redis's format; `redis_layer` is where it begins
threaded        any other ASGI 1.x layer, in worker threads
memory          a layer in this process, for tests
alone           what layers share that know no journal and no other servers
base            what all of them do: the `Layer` protocol
"""

from .base import Entry, Layer, LayerStatistics, Message, Past, Progress, Queue, Received
from .open import LayerSpec, open_layer

__all__ = [
    "Entry", "Layer", "LayerSpec", "LayerStatistics", "Message", "Past", "Progress", "Queue", "Received",
    "open_layer",
]  # fmt: skip
