"""What an answer looks like as a frame of a WebSocket; shared by the server and the inline form.

A frame has no status and no headers, only text or bytes. daphne takes `{'text': ...}` or `{'bytes': ...}` and
nothing beside them (daphne/http_protocol.py:379-405); what is empty it does not send, so it is no frame here.

Pure functions: the same frame, whether the answer was made by the server or in the consumer.
"""

from __future__ import unicode_literals

import json
import re

from channels_async._py23 import text

#: Bytes of the largest frame. An answer has to be complete before it can be one, so this bounds what is held.
MAX_FRAME = 1024 * 1024

#: Character sets that are read. Python knows others that are no character sets (Python 2 even unpacks `zip`),
#: and some that take quadratic time.
_CHARSET = re.compile(
    r'(?:utf-?8|utf-16(?:le|be)?|us-ascii|ascii|latin-?1|iso-?8859-[0-9]{1,2}|windows-125[0-8]|koi8-[ru]'
    r'|shift_jis|euc-(?:jp|kr)|iso-2022-jp|gb2312|gbk|gb18030|big5)\Z'
)

_CHARSET_PARAMETER = re.compile(r';\s*charset\s*=\s*"?([^";\s]+)"?', re.IGNORECASE)

#: Half a character, which has no UTF-8. Python 2 would encode it, and the browser close the socket.
_HALF = re.compile('[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]')

_TEXT_TYPES = frozenset((
    'application/json', 'application/xml', 'application/javascript', 'application/ecmascript',
    'application/x-javascript', 'application/x-www-form-urlencoded', 'application/graphql',
    'application/x-ndjson', 'application/yaml', 'application/toml',
))  # fmt: skip


def answer_frame(status, headers, content, id):
    """The frame of a complete answer, as the dict that daphne takes; None for one that is empty.

    status   int
    headers  list of (bytes, bytes)
    content  bytes or text, at most MAX_FRAME
    id       text: the operation's

    Text stays text. Bytes become text where Content-Type says that they are: text/*, JSON, XML, or any type
    with a charset; if they really are in that charset (UTF-8 where none is named) and no Content-Encoding is
    on them.

    An error without content is a frame that says so, or the browser would wait for ever.
    """
    if not content and status >= 400:
        return error_frame(status, 'the answer has the status {} and no content'.format(status), id)
    if isinstance(content, bytes):
        decoded = _decoded(headers, content)
        content = content if decoded is None else decoded
    return item_frame(content)


def item_frame(content):
    """The frame of one item of a stream, bytes or text; None for one that is empty."""
    if not content:
        return None
    return {'bytes': content} if isinstance(content, bytes) else {'text': _sendable(content)}


def error_frame(status, reason, id, retry_after=None):
    """The frame that says what went wrong: a JSON object with `error`, `status`, `id`, perhaps `retry_after`.

    status       int: what it would be in HTTP
    reason       text for the one who waits; it must not hold secrets
    id           text: the operation, by which the server's log has it; or None
    retry_after  seconds, or None; rounded up
    """
    said = {'error': _sendable(reason), 'status': status, 'id': id}
    if retry_after is not None:
        said['retry_after'] = int(-(-retry_after // 1))
    return {'text': text(json.dumps(said, sort_keys=True))}


def frame_size(content):
    """Bytes that a piece of content takes in a frame."""
    return len(content) if isinstance(content, bytes) else len(_sendable(content).encode('utf-8'))


def _sendable(content):
    """Text that has an encoding: halves of characters are replaced."""
    return _HALF.sub('?', content).encode('utf-8', 'replace').decode('utf-8')


def _decoded(headers, content):
    """Text, or None for content that is not said to be text, or is not."""
    said = {}
    for name, value in headers:
        said.setdefault(name.lower(), value.decode('latin-1'))
    if said.get(b'content-encoding', '').strip().lower() not in ('', 'identity'):
        return None
    content_type = said.get(b'content-type', '')
    named = _CHARSET_PARAMETER.search(content_type)
    if named is None and not _is_text(content_type.partition(';')[0].strip().lower()):
        return None
    charset = named.group(1).lower() if named else 'utf-8'
    if not _CHARSET.match(charset):
        return None
    try:
        return content.decode(charset)
    except (UnicodeDecodeError, LookupError):
        return None


def _is_text(kind):
    return kind.startswith('text/') or kind.endswith(('+json', '+xml')) or kind in _TEXT_TYPES
