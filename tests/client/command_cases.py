"""What a command of the settings and its input become: status, headers and body. The server and the inline
form go by this one table; tests/server/test_command_cases.py and tests/client/test_command_inline.py run it.
"""

from __future__ import unicode_literals

import os
from collections import namedtuple

#: entry       of COMMANDS; asked for under the name `it`
#: parameters  dict of text by text
#: stdin       bytes or None
#: status      int
#: body        bytes of the answer, or a text that the answer of an error holds
Case = namedtuple(str('Case'), str('name entry parameters stdin status body'))

BINARY = bytes(bytearray(range(256))) * 700  # more than a pipe holds

PRINT = 'for a in "$@"; do printf "[%s]" "$a"; done'


def sh(script, *arguments, **more):
    """An entry that runs a script of the shell; `arguments` become $1 and so on."""
    return dict(more, argv=['/bin/sh', '-c', script, 'sh'] + list(arguments))


def case(name, entry, parameters=None, stdin=None, status=200, body=b''):
    return Case(name, entry, parameters or {}, stdin, status, body)


SIZE = {'size': r'\d+x\d+'}
ANY = {'a': '(?s).*'}
TWO = {'a': '(?s).*', 'b': '(?s).*'}

CASES = [
    case('output', sh('echo hello'), body=b'hello\n'),
    case('no output', {'argv': ['true']}, body=b''),
    case('stdin comes out', {'argv': ['cat']}, stdin=BINARY, body=BINARY),
    case('empty stdin', {'argv': ['cat']}, stdin=b'', body=b''),
    case('no stdin', {'argv': ['cat']}, body=b''),
    case('a filter', {'argv': ['sed', 's/{a}/{b}/'], 'parameters': {'a': '[a-z]+', 'b': '[a-z]*'}},
         {'a': 'cat', 'b': 'dog'}, b'one cat\n', body=b'one dog\n'),
    case('stdin closed early', sh('exec <&-; echo done'), stdin=BINARY, body=b'done\n'),
    case('stderr is not output', sh('echo no >&2; echo yes'), body=b'yes\n'),
    case('what a leader leaves behind does not hold the answer', sh('sleep 1000 & echo left'),
         body=b'left\n'),

    case('one argument', sh(PRINT, '{size}', parameters=SIZE), {'size': '80x60'}, body=b'[80x60]'),
    case('part of an argument', sh(PRINT, '--size={size}!', parameters=SIZE), {'size': '8x6'},
         body=b'[--size=8x6!]'),
    case('twice', sh(PRINT, '{size}', '{size}-{size}', parameters=SIZE), {'size': '8x6'},
         body=b'[8x6][8x6-8x6]'),
    case('braces', sh(PRINT, '{{}}{{a}}'), body=b'[{}{a}]'),
    case('no shell reads a value', sh(PRINT, '{a}', parameters=ANY), {'a': '$(id) `id` ; id | "\' * \\'},
         body=b'[$(id) `id` ; id | "\' * \\]'),
    case('a line break', sh(PRINT, '{a}', parameters=ANY), {'a': 'x\ny'}, body=b'[x\ny]'),
    case('an empty value is an argument', sh(PRINT, '{a}', parameters=ANY), {'a': ''}, body=b'[]'),
    case('UTF-8', sh(PRINT, '{a}', parameters=ANY), {'a': '\xe9\u20ac\U0001f600'},
         body='[\xe9\u20ac\U0001f600]'.encode('utf-8')),
    case('braces in a value are text', sh(PRINT, '{a}', parameters=ANY), {'a': '{a}{{'},
         body=b'[{a}{{]'),
    case('a default', sh(PRINT, '{a}', parameters={'a': {'pattern': 'x|y', 'default': 'y'}}), body=b'[y]'),
    case('a default is replaced', sh(PRINT, '{a}', parameters={'a': {'pattern': 'x|y', 'default': 'y'}}),
         {'a': 'x'}, body=b'[x]'),

    case('only a part matches', sh(PRINT, '{size}', parameters=SIZE), {'size': '80x60;'}, status=400,
         body="the parameter 'size' has not the form that it must have"),
    case('a line break at the end', sh(PRINT, '{size}', parameters=SIZE), {'size': '80x60\n'}, status=400,
         body="the parameter 'size' has not the form"),
    case('digits are ASCII', sh(PRINT, '{size}', parameters=SIZE), {'size': '\u0661x\u0662'}, status=400,
         body="the parameter 'size' has not the form"),
    case('an alternative matches in full', sh(PRINT, '{a}', parameters={'a': 'x|xy'}), {'a': 'xy'},
         body=b'[xy]'),
    case('missing', sh(PRINT, '{size}', parameters=SIZE), status=400, body="the parameter 'size' is missing"),
    case('unknown', sh(PRINT), {'sise': '1'}, status=400, body="the command has no parameter 'sise'"),

    case('an option', sh(PRINT, '{a}', parameters=ANY), {'a': '-rf'}, status=400,
         body="the parameter 'a' makes an option of its argument"),
    case('an option with an empty value before it', sh(PRINT, '{a}{b}', parameters=TWO), {'a': '', 'b': '-x'},
         status=400, body="the parameter 'b' makes an option"),
    case('an option left by an empty value', sh(PRINT, '{a}-x', parameters=ANY), {'a': ''}, status=400,
         body="the parameter 'a' makes an option"),
    case('a dash within', sh(PRINT, '{a}', parameters=ANY), {'a': 'a-b'}, body=b'[a-b]'),
    case('a dash after text', sh(PRINT, '={a}', parameters=ANY), {'a': '-1'}, body=b'[=-1]'),
    case('a dash after that of the template', sh(PRINT, '-{a}', parameters=ANY), {'a': '-x'}, body=b'[--x]'),
    case('a dash that the pattern is for', sh(PRINT, '{a}', parameters={'a': r'-?\d+'}), {'a': '-5'},
         body=b'[-5]'),
    case('a dash that the pattern is for, escaped', sh(PRINT, '{a}', parameters={'a': r'\-?\d+'}),
         {'a': '-5'},
         body=b'[-5]'),

    case('stdin is not taken', {'argv': ['cat'], 'stdin': 'none'}, stdin=b'x', status=400,
         body='the command takes no input'),
    case('stdin is needed', {'argv': ['cat'], 'stdin': 'required'}, status=400,
         body='the command needs input'),
    case('stdin is there', {'argv': ['cat'], 'stdin': 'required'}, stdin=b'x', body=b'x'),

    case('a failure', sh('exit 3'), status=500, body='the command ended with exit status 3'),
    case('a failure that explains itself', sh('echo secret >&2; exit 4'), status=500, body='exit status 4'),
    case('a signal', sh('kill -9 $$'), status=500, body='the command was ended by signal 9'),
    case('a failure after output', sh('echo part; exit 3'), body=b'part\n'),
    case('too much', dict(sh('printf 12345678901'), max_output=10), status=500,
         body='the command wrote more than 10 bytes'),
    case('just enough', dict(sh('printf 1234567890'), max_output=10), body=b'1234567890'),

    case('variables', sh('echo "$A|$B"', env={'A': 'caf\xe9 = 1', 'B': ''}),
         body='caf\xe9 = 1|\n'.encode('utf-8')),
    case('no others', sh('echo "${{SECRET_OF_THE_SITE-none}}"'), body=b'none\n'),
    case('one that is named', sh('echo "$SECRET_OF_THE_SITE"', pass_env=['SECRET_OF_THE_SITE']),
         body=b'geheim\n'),
    case('a directory', sh('pwd', cwd='/'), body=b'/\n'),
    case('niceness', sh('nice', nice=5), body='{}\n'.format(min(os.nice(0) + 5, 19)).encode('ascii')),
    case('limits', sh('ulimit -t; ulimit -v', cpu_seconds=7, memory=512 * 1024 * 1024), body=b'7\n524288\n'),
    case('a process that computes for too long', sh('while :; do :; done', cpu_seconds=1), status=500,
         body='the command was ended by signal 24'),
]  # fmt: skip

#: Those whose answer breaks off, which whoever can tell a broken answer from a whole one tells.
CUT = ['a failure after output']

#: A variable that the one who runs the table must have.
SECRET = ('SECRET_OF_THE_SITE', 'geheim')

CONTENT_TYPE = 'application/octet-stream'
