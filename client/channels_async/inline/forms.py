"""Answers of operations that are done here, in the form that is awaited on a channel."""

from __future__ import unicode_literals

import logging
from collections import namedtuple

from channels_async import conf, frame_rules, http_rules, sending, uploading, wire
from channels_async.inline import respond
from channels_async.inline.response import error as error_response

logger = logging.getLogger('channels_async.client')

#: What the answer to an operation that was never made needs to know of it.
_Refused = namedtuple(str('_Refused'), str('id head'))


def answer(layer, channel, fields):
    """Do the operation and send its answer to the channel. Of an answer that cannot be sent the log tells.

    fields  of wire.encode, but for the reply channel
    """
    form = fields.get('reply_format', 'http')
    try:
        fields = uploading.gathered(layer, fields, conf.deadline(fields['operation']))
    except uploading.Unfinished as unfinished:
        response = failed(fields, 400, '{}'.format(unfinished))
    else:
        # An HTTP response that was begun breaks off by a piece; the other forms say what went wrong.
        response = respond(fields, can_abort=form != 'http')
    _send(layer, channel, fields, response)


def refuse(layer, channel, fields, status, reason):
    """Send the answer that says why the operation is not done, in the form that is awaited."""
    _send(layer, channel, fields, failed(fields, status, reason))


def failed(fields, status, reason):
    """The response of a view that says why the operation was not done."""
    return error_response(_Refused(fields['id'], fields.get('head', False)), status, reason)


def _send(layer, channel, fields, response):
    form = fields.get('reply_format', 'http')
    try:
        for message in FORMS[form](response, fields):
            sending.send(layer, channel, message, conf.deadline(fields['operation']))
    except Exception:
        # Such as a layer that is down. A consumer that raised would be logged and no more.
        logger.exception('operation %s was done, but its answer could not be sent', fields['id'])
    finally:
        response.close()


def _http(response, fields):
    """Cut up as channels does it (channels/handler.py:263)."""
    from channels.handler import AsgiHandler

    return AsgiHandler.encode_response(response)


def _frames(response, fields):
    """As server_trio/replies/websocket.py."""
    id = fields['id']
    if _failure(response) is not None:
        yield frame_rules.error_frame(response.status_code, _failure(response), id)
        return
    each = getattr(response, 'each_piece_is_an_item', False)
    held, size = [], 0
    try:
        for piece in _pieces(response):
            size = frame_rules.frame_size(piece) + (0 if each else size)
            if size > frame_rules.MAX_FRAME:
                problem = 'the answer is larger than the {} bytes of a WebSocket frame here'
                yield frame_rules.error_frame(502, problem.format(frame_rules.MAX_FRAME), id)
                return
            if not each:
                held.append(piece)
                continue
            frame = frame_rules.item_frame(piece)
            if frame is not None:
                yield frame
    except Exception as error:
        yield frame_rules.error_frame(*(_told(error, id) + (id,)))
        return
    if not each:
        content = b''.join(_as_bytes(piece) for piece in held)
        frame = frame_rules.answer_frame(response.status_code, _headers(response), content, id)
        if frame is not None:
            yield frame


def _results(response, fields):
    """As server_trio/replies/message.py."""
    each = getattr(response, 'each_piece_is_an_item', False)
    named = {'id': fields['id'], 'operation': fields['operation'], 'headers': _headers(response)}
    status, failure, index, held = response.status_code, _failure(response), 0, b''
    try:
        for piece in _pieces(response):
            held += _as_bytes(piece)
            while len(held) > wire.MAX_CHUNK or (each and held):
                content, held = held[:wire.MAX_CHUNK], held[wire.MAX_CHUNK:]
                yield wire.encode_result(
                    index=index, status=status, content=content, more_content=True, **named
                )
                index += 1
    except Exception as error:
        status, failure = _told(error, fields['id'])
        _, headers, body = http_rules.error_response(status, failure, fields['id'])
        named['headers'], held = headers, b'' if index else body
    yield wire.encode_result(
        index=index, status=status, content=held, more_content=False, error=failure, **named
    )


def _nothing(response, fields):
    """Nobody is told, but it is done to its end."""
    for _ in response:
        pass
    return ()


FORMS = {'http': _http, 'websocket': _frames, 'message': _results, 'none': _nothing}


def _failure(response):
    """Why the operation failed, text; None for one that has not."""
    return getattr(response, 'failure', None)


def _told(error, id):
    """(status, reason) of what broke an answer that was begun."""
    status = getattr(error, 'status', None)
    if status is None:
        logger.error('operation %s failed', id, exc_info=True)
        return 500, 'the operation failed'
    return status, error.reason


def _pieces(response):
    """The content as it was made: bytes, or text."""
    return response.pieces() if hasattr(response, 'pieces') else response


def _headers(response):
    """What goes out, as a list of (bytes lower-case name, bytes value)."""
    headers = [(_bytes(name).lower(), _bytes(value)) for name, value in response.items()]
    return headers + [(b'set-cookie', _bytes(cookie.OutputString())) for cookie in response.cookies.values()]


def _bytes(value):
    return value if isinstance(value, bytes) else value.encode('latin-1', 'replace')


def _as_bytes(piece):
    return piece if isinstance(piece, bytes) else piece.encode('utf-8', 'replace')
