"""CALL in the view: the function that the server would call, if it can run here.

It cannot be interrupted, so it has its time; if that was more than its deadline, the answer is the server's.
"""

from __future__ import unicode_literals

import itertools
import logging
import time
import traceback

from django.conf import settings

from channels_async import call_rules, http_rules, result_rules
from channels_async._py23 import monotonic
from channels_async.inline import functions
from channels_async.inline.response import BREAK, InlineResponse, encoded, error

logger = logging.getLogger('channels_async.client')


class DeadlinePassed(Exception):
    """What check_cancelled() raises in the view."""


class CutShort(Exception):
    """What breaks off an answer that was begun; `status` and `reason`, text, are those of its error."""

    def __init__(self, status, reason):
        super(CutShort, self).__init__(reason)
        self.status = status
        self.reason = reason


class CallContext(object):
    """What a function gets that has a parameter `context`; docs/call.rst."""

    def __init__(self, operation, deadline):
        self.id = operation.id
        self.deadline = time.time() + deadline  # epoch seconds
        self._begun, self._limit = monotonic(), deadline

    def remaining(self):
        """Seconds until the deadline; never below 0."""
        return max(0.0, self._limit - (monotonic() - self._begun))

    def check_cancelled(self):
        """Raise an exception if nobody waits any more."""
        if not self.remaining():
            raise DeadlinePassed()

    @property
    def http(self):
        raise RuntimeError('context.http is for async functions; use requests in a plain one')


def respond_call(operation, deadline, can_abort):
    """The response to a CALL; arguments as those of every operation, see `respond` of the package."""
    name = operation.details.function
    function = functions.find(name)
    if function is None:
        logger.warning(
            "operation %s: the settings have no function '%s'%s",
            operation.id, name, functions.hint(name),
        )  # fmt: skip
        return error(operation, 403, call_rules.NOT_HERE)
    context = CallContext(operation, deadline)
    content = None
    try:
        returned = _call(function, operation.details, context)
        if hasattr(returned, '__await__') or hasattr(returned, '__aiter__'):
            raise _Asynchronous()
        content = Content(result_rules.answer(returned), operation, context, can_abort)
        content.begin('HEAD' if operation.head else 'GET')
        context.check_cancelled()
    except _Asynchronous:
        functions.refuse_async(name)
    except (Exception, SystemExit) as failure:
        if content is not None:
            content.close()
        return error(operation, *_failure(operation, failure))
    if content.has_body:
        return InlineResponse(content.status, content.headers, content, items=content.is_stream)
    content.close()
    return InlineResponse(content.status, content.headers, ())


def _call(function, details, context):
    if call_rules.takes_context(function):
        return function(*details.args, context=context, **details.kwargs)
    return function(*details.args, **details.kwargs)


def _failure(operation, failure):
    """(status, reason) of the answer to an exception that is being handled. The log has it."""
    name = operation.details.function
    if isinstance(failure, DeadlinePassed):
        logger.warning('operation %s: %s (%s)', operation.id, call_rules.LATE, name)
        return 504, call_rules.LATE
    if isinstance(failure, result_rules.NoResponse):
        logger.error("operation %s: the function '%s' returned %s", operation.id, name, failure)
    else:
        logger.exception("operation %s: the function '%s' failed", operation.id, name)
    shown = traceback.format_exc() if settings.DEBUG else None
    return 500, call_rules.failed(name, shown and _text(shown))


class _Asynchronous(Exception):
    """A plain function has returned something that only an event loop can go on with."""


class Content(object):
    """The content of an Answer in pieces of bytes or text; it can be closed, with what it comes from.

    `begin` gets the first piece, so that what fails before there is any can still be answered 500.
    """

    def __init__(self, answer, operation, context, can_abort):
        self.status = answer.status
        self.headers = answer.headers
        self._answer = answer
        self._operation = operation
        self._context = context
        self._can_abort = can_abort
        self.is_stream = answer.stream is not None
        self.has_body = True
        self._length = None
        self._first = [answer.content]

    def begin(self, method):
        if self.is_stream:
            items = list(itertools.islice(self._answer.stream, 1))
            self.headers = result_rules.stream_headers(self._answer, items)
            self._first = [result_rules.item(item) for item in items]
        self.headers = result_rules.response_headers(self.status, self.headers, [])
        self.has_body = http_rules.has_body(method, self.status)
        self._length = result_rules.NamedLength(self.headers)
        if self.has_body:
            for piece in self._first:
                self._length.take(encoded(piece))

    def __iter__(self):
        try:
            for piece in self._first:
                if piece:
                    yield piece
            for item in self._answer.stream or ():
                self._context.check_cancelled()
                piece = result_rules.item(item)
                self._length.take(encoded(piece))
                if piece:
                    yield piece
            self._length.end()
        except (Exception, SystemExit) as failure:
            logger.warning('operation %s: the answer was cut short', self._operation.id)
            status, reason = _failure(self._operation, failure)
            if self._can_abort:
                raise CutShort(status, reason)
            yield BREAK
        finally:
            self.close()

    def close(self):
        """Let go of the generator and of Django's response, whatever they raise."""
        closables = getattr(self._answer.stream, 'close', None), self._answer.close
        self._answer.stream = self._answer.close = None
        for closable in closables:
            try:
                if closable is not None:
                    closable()
            except Exception:
                logger.exception('operation %s: closing what was returned failed', self._operation.id)


def _text(written):
    """A traceback as text; on Python 2 it is bytes, of whatever encoding its source lines have."""
    return written.decode('utf-8', 'replace') if isinstance(written, bytes) else written
