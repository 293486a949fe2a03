"""Every way an operation or the server can fail, and what the waiting client is told.

Each class carries `status`, the HTTP status of the answer, and `outcome`, the word under which
the failure is counted and logged. Exceptions of other packages are mapped to these once, at the
edge where they appear (http/ and layers/), with the original as `__cause__`.
"""

from __future__ import annotations

from typing import ClassVar


class ServerTrioError(Exception):
    """Root of all errors that the server raises itself."""


# --- the server cannot start or go on ------------------------------------------------------------


class SettingsError(ServerTrioError):
    """The settings are wrong; the text says which one and what would be right."""


class DeadLetterError(ServerTrioError):
    """A dead letter that is not there, or with which what was asked for cannot be done."""


class LayerError(ServerTrioError):
    """The channel layer failed."""


class LayerUnavailable(LayerError):
    """The layer cannot be reached, or the connection to it broke; trying again may help.

    Out of a `send`: the message was not sent. The text is `problem` and, where there is one, `advice`.
    """

    def __init__(self, problem: str, advice: str = "") -> None:
        super().__init__(f"{problem}: {advice}" if advice else problem)
        self.problem = problem
        self.advice = advice


class SendUnknown(LayerError):
    """Whether the message was sent is unknown and stays so: sending it again could send it twice."""


class ChannelFull(LayerError):
    """The channel is at its capacity; the message was not sent."""


class TakenOver(LayerError):
    """Another server took this one for dead and has its operations; the message was not sent."""


class MessageRefused(LayerError):
    """The layer can never take this message: a bad channel name, or a value it cannot carry."""


# --- an operation is answered with an error ------------------------------------------------------


class OperationError(ServerTrioError):
    """An operation that cannot be done; its client is answered with `status` and the text.

    The text goes to the browser: it must not hold secrets (userinfo, tokens) or internals.
    `retry_after` is None, or in how many seconds it may be worth asking again.
    """

    status: ClassVar[int] = 500
    outcome: ClassVar[str] = "error"
    retry_after: float | None = None


class OperationRefused(OperationError):
    """The operation is not allowed here, by settings."""

    status = 403
    outcome = "refused"


class BadInput(OperationError):
    """What the operation was given is not what it takes."""

    status = 400
    outcome = "bad_input"


class UnknownOperation(OperationError):
    """A well-formed message that asks for an operation this server does not have."""

    status = 501
    outcome = "unknown"


class UpstreamError(OperationError):
    """The upstream failed: refused, reset, unresolvable, TLS, or not speaking HTTP."""

    status = 502
    outcome = "upstream_error"


class UpstreamUnreachable(UpstreamError):
    """No connection to the upstream came about: nothing was sent."""


class UpstreamTruncated(UpstreamError):
    """The upstream's response ended before it was complete."""


class UpstreamTooLarge(UpstreamError):
    """The upstream's response is larger than the limits allow."""


class CircuitOpen(OperationError):
    """The upstream has failed so often that it is not asked for a while."""

    status = 503
    outcome = "circuit_open"


class UploadBroken(OperationError):
    """The request's body did not come whole: the browser has gone, or part of it was lost on the layer."""

    status = 400
    outcome = "upload_broken"


class UpstreamTimeout(OperationError):
    """The upstream did not answer, or did not accept a connection, in time."""

    status = 504
    outcome = "timeout"


class AnswerTooLarge(OperationError):
    """The answer does not fit into the form that is awaited."""

    status = 502
    outcome = "too_large"


class DeadlineExceeded(OperationError):
    """The operation's deadline passed while it ran."""

    status = 504
    outcome = "timeout"


class BudgetSpent(OperationError):
    """The operation's budget ran out while it waited in the queue; it was not begun."""

    status = 504
    outcome = "shed"


class TooManyWaiting(OperationError):
    """So many of this operation wait for their turn that another one would only wait for its deadline."""

    status = 503
    outcome = "overloaded"
    retry_after = 1.0


class OperationLost(OperationError):
    """The server that worked on it died, and it is not done again."""

    status = 502
    outcome = "lost"


class ClientGone(OperationError):
    """The one who waited for the answer has gone: nothing is sent any more."""

    status = 499
    outcome = "client_gone"


class ShuttingDown(OperationError):
    """The server is ending and the grace time is over."""

    status = 503
    outcome = "shutdown"
