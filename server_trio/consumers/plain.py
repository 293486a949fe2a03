"""A consumer that was written for runworker: what Worker.run does with a message (channels/worker.py:95-151).

Everything here runs in a worker thread. The layer is channels' own object, with which code of the
project may do all that it can do under runworker.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from channels.exceptions import ChannelSocketException  # type: ignore[import-untyped]
from channels.message import Message, pending_message_store  # type: ignore[import-untyped]
from channels.signals import consumer_finished, consumer_started  # type: ignore[import-untyped]
from channels.worker import Worker  # type: ignore[import-untyped]

from ..failures import separate
from ..routing import Consumer

SyncLayer = Callable[[], Any]


def consume(
    consumer: Consumer,
    kwargs: dict[str, Any],
    content: dict[str, Any],
    channel: str,
    doomed: bool,
    sync_layer: SyncLayer,
) -> BaseException | None:
    """Run the consumer between channels' signals, which send what it has sent and close database connections.

    Returns what it raised, if that is left to do: anything but a ChannelSocketException.
    """
    try:
        message = Message(content=content, channel_name=channel, channel_layer=sync_layer())
        if doomed:
            message.__doomed__ = True
        consumer_started.send(sender=Worker, environ={})
        try:
            _refuse_coroutine(consumer(message, **kwargs))
        except ChannelSocketException as error:
            error.run(message)
        finally:
            consumer_finished.send(sender=Worker)
    except BaseException as error:
        failure, cancelled = separate(error)
        if cancelled is not None:
            raise
        return failure
    finally:
        # Left over where the store could not send all (channels/message.py:104-119). The thread goes on to
        # do other things, whose sends would be kept for ever.
        vars(pending_message_store.threadlocal).pop("messages", None)
    return None


def run_socket_exception(
    order: Any, content: dict[str, Any], channel: str, sync_layer: SyncLayer
) -> BaseException | None:
    """Do what an exception like WebsocketCloseException says; returns what went wrong."""
    try:
        order.run(Message(content=content, channel_name=channel, channel_layer=sync_layer()))
    except BaseException as error:
        failure, cancelled = separate(error)
        if cancelled is not None:
            raise
        return failure
    return None


def _refuse_coroutine(result: object) -> None:
    """A decorator around an `async def` consumer makes it look plain, and nobody awaits what it returns."""
    if inspect.iscoroutine(result):
        result.close()
        raise TypeError(
            "it returned a coroutine: channels' decorators (channel_session, enforce_ordering and others)"
            " are for plain functions, not for async def"
        )
    if inspect.isasyncgen(result):
        raise TypeError("it is an async generator, because of its yield; a consumer sends instead")
