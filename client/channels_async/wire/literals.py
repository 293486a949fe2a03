"""Read the repr() of a Python 2 or 3 value back, without evaluating anything.

The client of 2017 sent text_type(value) of whatever it was given: `{u'a': [1, None, True, u'\\xe9']}`.
This is a parser for exactly such text: dicts, lists, tuples, strings, numbers, None, True, False.
Its time is linear, its depth bounded, and a Python 2 native str with UTF-8 in it (`'caf\\xc3\\xa9'`)
becomes the text that it stood for. Names, calls and operators are not part of the language.
"""

from __future__ import unicode_literals

import ast
import re

from channels_async.wire import limits

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>[uUbB]?(?:'(?:[^'\\\r\n\0]|\\[\\'"nrtxuU])*'|"(?:[^"\\\r\n\0]|\\[\\'"nrtxuU])*"))
      | (?P<number>[+-]?(?:(?:0|[1-9][0-9]{0,400})(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,4})?|inf|nan)L?)
      | (?P<name>None|True|False)
      | (?P<mark>[{}()\[\],:])
    )""",
    re.VERBOSE,
)
_SPACE = re.compile(r'\s*\Z')
_NAMES = {'None': None, 'True': True, 'False': False}
_CLOSING = {'{': '}', '[': ']', '(': ')'}


class NotLiteral(ValueError):
    """The text is not the repr of a plain value."""


def literal(source):
    """The value whose repr() is `source` (text). Strings come back as text, tuples as lists.

    Raises NotLiteral.
    """
    if len(source) > limits.MAX_LITERAL:
        raise NotLiteral('longer than {} characters'.format(limits.MAX_LITERAL))
    reader = _Reader(source)
    value = reader.value(0)
    reader.end()
    return value


class _Reader(object):
    """A recursive descent over the words of one text."""

    def __init__(self, source):
        self._source = source
        self._position = 0

    def value(self, depth):
        kind, word = self._next()
        if kind == 'string':
            return _string(word)
        if kind == 'number':
            return _number(word)
        if kind == 'name':
            return _NAMES[word]
        if word not in _CLOSING:
            raise NotLiteral('unexpected {}'.format(word))
        if depth >= limits.MAX_NESTING:
            raise NotLiteral('nested deeper than {}'.format(limits.MAX_NESTING))
        item = self._pair if word == '{' else self.value
        items = self._items(item, _CLOSING[word], depth + 1)
        return dict(items) if word == '{' else items

    def end(self):
        if not _SPACE.match(self._source, self._position):
            raise NotLiteral('something follows the value')

    def _items(self, item, closing, depth):
        items = []
        while not self._accept(closing):
            if items and not self._accept(','):
                raise NotLiteral('a comma is missing')
            if items and self._accept(closing):  # a trailing comma, as in (1,)
                break
            items.append(item(depth))
        return items

    def _pair(self, depth):
        key = self.value(depth)
        if isinstance(key, (list, dict)):
            raise NotLiteral('a key is a list or a dict')
        if not self._accept(':'):
            raise NotLiteral('a colon is missing')
        return key, self.value(depth)

    def _next(self):
        found = _TOKEN.match(self._source, self._position)
        if found is None:
            raise NotLiteral('not a plain value')
        self._position = found.end()
        return found.lastgroup, found.group(found.lastgroup)

    def _accept(self, mark):
        found = _TOKEN.match(self._source, self._position)
        if found is None or found.group('mark') != mark:
            return False
        self._position = found.end()
        return True


def _string(word):
    try:
        value = ast.literal_eval(word)
    except (ValueError, SyntaxError):  # such as '\x1'
        raise NotLiteral('a bad string')
    if isinstance(value, bytes):  # b'' on Python 3; every string without u on Python 2
        try:
            return value.decode('utf-8')
        except UnicodeDecodeError:
            return value.decode('latin-1')
    if word[0] in '\'"' and '\\x' in word:
        # A Python 2 native str holds bytes, each above 0x7f written as \xNN.
        try:
            return value.encode('latin-1').decode('utf-8')
        except UnicodeError:
            return value
    return value


def _number(word):
    word = word.rstrip('L')
    try:
        return float(word) if re.search('[.einfa]', word.lower()) else int(word)
    except ValueError:
        raise NotLiteral('a bad number')
