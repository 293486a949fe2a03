"""Functions that do what no function should, for either Python."""

from __future__ import unicode_literals

import io

from django.http import FileResponse, HttpResponse, HttpResponseRedirect, JsonResponse, StreamingHttpResponse
from django.utils.translation import ugettext_lazy


class Closing(object):
    """A stream whose close() raises."""

    def __init__(self, *items):
        self._items = iter(items)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self._items)

    next = __next__

    def close(self):
        raise ValueError('close() raises')


def _raises_at_once():
    raise ValueError('at once')
    yield 'never'


def _raises_later():
    yield 'one\n'
    raise ValueError('later')


def _exits_later():
    yield 'one\n'
    raise SystemExit(3)


def _never_yields():
    return iter(())


def _raise(error):
    raise error


def _with_cookie(response):
    response.set_cookie('theirs', 'caf', max_age=5)
    response['X-Theirs'] = 'yes'
    response['Vary'] = 'Accept'
    return response


class Native(str):
    pass


KINDS = {
    'itself': lambda: returned,
    'class': lambda: Closing,
    'close': lambda: Closing('a', 'b'),
    'at-once': _raises_at_once,
    'later': _raises_later,
    'exits': lambda: _raise(SystemExit(3)),
    'exits-later': _exits_later,
    'never': _never_yields,
    'empty-text': lambda: '',
    'empty-dict': dict,
    'empty-list': list,
    'empty-items': lambda: iter(['', b'', '']),
    'empty-first': lambda: iter(['', 'after it']),
    'mixed': lambda: iter(['a', b'\xff', {'b': 1}, [2], bytearray(b'c'), ugettext_lazy('Yes')]),
    'wrong-item': lambda: iter(['a', 5]),
    'wrong-first': lambda: iter([5]),
    'lazy': lambda: ugettext_lazy('Monday'),
    'lazy-json': lambda: {'a': ugettext_lazy('Monday')},
    'native': lambda: str('plain'),
    'native-subclass': lambda: Native('plain'),
    'set': lambda: {1},
    'number': lambda: 5,
    'true': lambda: True,
    'nan': lambda: [float('nan')],
    'int-keys': lambda: {1: 'a'},
    'tuple-2': lambda: (200, 'a'),
    'status-99': lambda: (99, {}, 'a'),
    'status-204': lambda: (204, {'X-A': 'b'}, 'a body'),
    'status-204-stream': lambda: (204, None, iter(['a', 'b'])),
    'status-304': lambda: (304, {'ETag': '"a"', 'Content-Length': 7}, None),
    'status-304-stream': lambda: (304, {'ETag': '"a"'}, iter(['a', 'b'])),
    'status-205': lambda: (205, None, None),
    'status-500': lambda: (500, None, 'mine'),
    'status-none': lambda: (None, None, 'mine'),
    'header-break': lambda: (200, {'X-A': 'a\r\nX-B: c'}, 'a'),
    'header-name': lambda: (200, {'X A': 'a'}, 'a'),
    'header-unicode': lambda: (200, {'X-A': 'caf\xe9'}, 'a'),
    'header-snowman': lambda: (200, {'X-A': '\u2603'}, 'a'),
    'header-number': lambda: (200, {'X-A': 5, 'X-B': ugettext_lazy('Monday')}, 'a'),
    'header-empty': lambda: (200, {'X-A': '', '': 'a'}, 'a'),
    'header-connection': lambda: (200, {'Connection': 'close', 'Transfer-Encoding': 'chunked'}, 'a'),
    'long-length': lambda: (200, {'Content-Length': '1000'}, 'a'),
    'length-too-short': lambda: (200, {'Content-Length': 3}, iter(['ab', 'cd', 'ef'])),
    'length-too-long': lambda: (200, {'Content-Length': 30}, iter(['ab', 'cd', 'ef'])),
    'length-right': lambda: (200, {'Content-Length': 6}, iter(['ab', 'cd', 'ef'])),
    'length-wrong': lambda: (200, {'Content-Length': 'six'}, iter(['ab', 'cd', 'ef'])),
    'length-twice': lambda: (200, [('Content-Length', '6'), ('Content-Length', '6')], iter(['abcdef'])),
    'length-first-too-long': lambda: (200, {'Content-Length': 1}, iter(['abcdef'])),
    'content-type-twice': lambda: (200, [('Content-Type', 'a/b'), ('Content-Type', 'c/d')], 'a'),
    'big': lambda: 'x' * 3000000,
    'big-item': lambda: iter(['x' * 1500000, 'y' * 1500000]),
    'many': lambda: ('{}\n'.format(number) for number in range(2000)),
    'django': lambda: _with_cookie(HttpResponse('<p>')),
    'django-204': lambda: HttpResponse('ignored', status=204),
    'django-json': lambda: JsonResponse({'a': 1}),
    'django-redirect': lambda: HttpResponseRedirect('/elsewhere/'),
    'django-stream': lambda: _with_cookie(StreamingHttpResponse(iter([b'a', b'b']))),
    'django-stream-text': lambda: StreamingHttpResponse(['a', 'caf\xe9']),
    'django-stream-fails': lambda: StreamingHttpResponse(_raises_later()),
    'django-file': lambda: FileResponse(io.BytesIO(b'in a file' * 1000)),
    'django-reason': lambda: HttpResponse('a', status=200, reason='Fine'),
    'django-999': lambda: HttpResponse('a', status=999),
    'two-generators': lambda: (200, None, (200, None, 'a')),
}


def returned(kind):
    return KINDS[kind]()

