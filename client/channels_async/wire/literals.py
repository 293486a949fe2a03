"""Read the repr() of a Python 2 or 3 value back, without evaluating anything.

The client of 2017 sent text_type(value) of whatever it was given: `{u'a': [1, None, True, u'\\xe9']}`.
This is a parser for exactly such text: dicts, lists, tuples, strings, numbers, None, True, False.
Its time is linear, its depth and the number of its values bounded, and a Python 2 native str with UTF-8
in it (`'caf\\xc3\\xa9'`) becomes the text that it stood for. Names, calls and operators are not
part of the language.
"""

from __future__ import unicode_literals

import re

from channels_async.wire import limits

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>[uUbB]?(?:
            '[^'\\\r\n\0]*(?:\\[\\'"nrtxuU][^'\\\r\n\0]*)*'
          | "[^"\\\r\n\0]*(?:\\[\\'"nrtxuU][^"\\\r\n\0]*)*"))
      | (?P<mark>[{}()\[\],:])
      | (?P<name>None|True|False)
      | (?P<integer>[+-]?(?:0|[1-9][0-9]{0,400})(?![0-9.eE])L?)
      | (?P<float>[+-]?(?:(?:0|[1-9][0-9]{0,400})(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,4})?|inf|nan))
      | (?P<end>\Z)
    )""",
    re.VERBOSE,
)
_NAMES = {'None': None, 'True': True, 'False': False}
_CLOSING = {'{': '}', '[': ']', '(': ')'}


class NotLiteral(ValueError):
    """The text is not the repr of a plain value."""


class TooMuch(NotLiteral):
    """The text may well be one, but it exceeds what is read."""


def literal(source, most=limits.MAX_VALUES):
    """The value whose repr() is `source` (text). Strings come back as text, tuples as lists.

    most  int: values that it may hold: those inside of others, keys, and the lists and dicts themselves

    Raises NotLiteral.
    """
    if len(source) > limits.MAX_LITERAL:
        raise TooMuch('longer than {} characters'.format(limits.MAX_LITERAL))
    reader = _Reader(source, most)
    value = reader.value(0)
    reader.end()
    return value


class _Reader(object):
    """A recursive descent over the words of one text. `_kind` and `_word` are of the next."""

    def __init__(self, source, most):
        self._match = _TOKEN.match
        self._source = source
        self._position = 0
        self._most = most
        self._left = most
        self._advance()

    def value(self, depth):
        self._left -= 1
        if self._left < 0:
            raise TooMuch('more than {} values'.format(self._most))
        kind, word = self._kind, self._word
        if kind == 'mark' and word in _CLOSING:
            if depth >= limits.MAX_NESTING:
                raise NotLiteral('nested deeper than {}'.format(limits.MAX_NESTING))
            self._advance()
            return self._dict(depth + 1) if word == '{' else self._list(_CLOSING[word], depth + 1)
        if kind in ('mark', 'end'):
            raise NotLiteral('unexpected {}'.format(word or 'end'))
        self._advance()
        if kind == 'string':
            return _string(word)
        return _NAMES[word] if kind == 'name' else _number(kind, word)

    def end(self):
        if self._kind != 'end':
            raise NotLiteral('something follows the value')

    def _list(self, closing, depth):
        items = []
        while not self._accept(closing):
            items.append(self.value(depth))
            if closing == ')' and len(items) == 1 and not self._at(','):
                raise NotLiteral('a comma is missing')  # (1) is no tuple
            self._separate(closing)
        return items

    def _dict(self, depth):
        items = {}
        while not self._accept('}'):
            key = self.value(depth)
            if isinstance(key, (list, dict)):
                raise NotLiteral('a key is a list or a dict')
            if not self._accept(':'):
                raise NotLiteral('a colon is missing')
            items[key] = self.value(depth)
            self._separate('}')
        return items

    def _separate(self, closing):
        """Past a comma; the last item needs none, but may have one, as in (1,)."""
        if not self._accept(',') and not self._at(closing):
            raise NotLiteral('a comma is missing')

    def _at(self, mark):
        return self._word == mark and self._kind == 'mark'

    def _accept(self, mark):
        if self._at(mark):
            self._advance()
            return True
        return False

    def _advance(self):
        found = self._match(self._source, self._position)
        if found is None:
            raise NotLiteral('not a plain value')
        self._position = found.end()
        self._kind = found.lastgroup
        self._word = found.group(self._kind)


def _string(word):
    prefixed = word[0] not in '\'"'
    value = word[2:-1] if prefixed else word[1:-1]
    if '\\' not in value:
        return value
    escaped = value.encode('latin-1', 'backslashreplace')  # latin-1 is how unicode_escape reads bytes
    try:
        text = escaped.decode('unicode_escape')
    except UnicodeDecodeError:  # such as '\x1'
        raise NotLiteral('a bad string')
    if word[0] not in 'uU' and '\\x' in value:
        # A native str of Python 2 or a b'' of 3 holds bytes, each above 0x7f written as \xNN.
        try:
            return text.encode('latin-1').decode('utf-8')
        except UnicodeError:
            return text
    return text


def _number(kind, word):
    try:
        return float(word) if kind == 'float' else int(word.rstrip('L'))
    except ValueError:
        raise NotLiteral('a bad number')
