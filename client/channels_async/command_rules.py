r"""What a command of the settings may be, and how its command line is filled; for server and inline form.

Pure functions: the same command line and the same refusals, wherever the command is run.

    COMMANDS = {
        'resize': {
            'argv': ['convert', '-', '-resize', '{size}', 'png:-'],
            'content_type': 'image/png',
            'parameters': {'size': r'\d+x\d+'},
        },
    }

No shell sees any of it. An item of `argv` is text with `{name}` for a parameter, and `{{` and `}}` for
braces, as in str.format. A value of a parameter must match its pattern in full, where \d, \w and \s mean
ASCII. A value may put a dash at the beginning of an item only if its pattern begins with one: `-?\d+`.
"""

from __future__ import unicode_literals

import difflib
import re
from collections import namedtuple

from channels_async._py23 import full_matcher, integers, text
from channels_async.wire.details import NAME
from channels_async.wire.fields import shown

#: What a process gets of the variables of the one that starts it, if they are there. Passwords and keys
#: of the site are often among the others.
PASSED_ENVIRONMENT = ('PATH', 'HOME', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TZ', 'TMPDIR')

#: Whether input is taken. Where none is given, the process reads an empty one.
STDIN = ('optional', 'required', 'none')

#: Exit statuses and lines of stderr are for the log; this much of stderr is told in DEBUG.
TAIL = 1024  # bytes

_Command = namedtuple(str('Command'), str(
    'name argv content_type parameters stdin env pass_env cwd max_output nice cpu_seconds memory kill_after'
    ' idempotent'
))  # fmt: skip


class Command(_Command):
    """One entry of COMMANDS, checked.

    name          text
    argv          tuple of items; an item is a tuple of parts: (text, None) as it is, (None, text) a parameter
    content_type  text: of the answer
    parameters    dict of Parameter by name
    stdin         one of STDIN
    env           dict of text by text: variables that the process gets besides
    pass_env      tuple of text: names of variables that it gets from the one that starts it
    cwd           text, or None for that of the one that starts it
    max_output    bytes of stdout; 0 for any number
    nice          int, 0 to 19: added to the niceness
    cpu_seconds   int, of each process; 0 for any number
    memory        bytes of address space, of each process; 0 for any number
    kill_after    float, seconds between SIGTERM and SIGKILL
    idempotent    bool: running it twice is as good as once
    """

    __slots__ = ()


#: matches is a function of text; dash says whether a value may be the dash that an item begins with;
#: default is text, or None where the parameter must be given.
Parameter = namedtuple(str('Parameter'), str('matches dash default'))

#: (least, most, value without one, whether fractions are allowed)
_NUMBERS = {
    'max_output': (0, 2 ** 53, 1024 * 1024 * 1024, False),
    'nice': (0, 19, 0, False),
    'cpu_seconds': (0, 86400, 0, False),
    'memory': (0, 2 ** 53, 0, False),
    'kill_after': (0, 60, 2.0, True),
}
_LEAST_MEMORY = 1024 * 1024  # bytes; with less nothing can be started at all
_KEYS = (
    'argv', 'content_type', 'parameters', 'stdin', 'env', 'pass_env', 'cwd', 'idempotent',
) + tuple(sorted(_NUMBERS))  # fmt: skip
_PARAMETER_KEYS = ('pattern', 'default')

_PLACEHOLDER = re.compile(r'\{\{|\}\}|\{([A-Za-z_][A-Za-z0-9_]*)\}|[{}]')
_PARAMETER = re.compile(r'[A-Za-z_][A-Za-z0-9_]*\Z')
_HEADER = re.compile(r'[!-~]([\t -~]*[!-~])?\Z')
_VARIABLE = re.compile(r'[^=\0]+\Z')


class CommandFault(ValueError):
    """An entry of COMMANDS that cannot be; the text names the place and says what would be right."""


class CommandRefused(ValueError):
    """What was given for a command is not what it takes. The text is for the browser and holds no value."""


def read_commands(value):
    """The Commands of the setting COMMANDS by name. Raises CommandFault."""
    if not isinstance(value, dict):
        raise CommandFault('COMMANDS is {!r}; it must be a dict'.format(value))
    commands = {}
    for key, entry in value.items():
        name = _as_text('COMMANDS: the name {!r}'.format(key), key)
        if not NAME.match(name):
            raise CommandFault("COMMANDS: the name '{}' must be letters, digits or _.-".format(name))
        commands[name] = _read_command(name, "COMMANDS['{}']".format(name), entry)
    return commands


def _read_command(name, place, entry):
    entry = _dict(place, entry, _KEYS)
    if 'argv' not in entry:
        raise CommandFault("{} has no 'argv', the list of the program and its arguments".format(place))
    parameters = {
        parameter: _read_parameter("{}['parameters']['{}']".format(place, parameter), given)
        for parameter, given in _dict("{}['parameters']".format(place), entry.get('parameters', {})).items()
    }
    argv = _read_argv(place, entry['argv'], parameters)
    stdin = entry.get('stdin', 'optional')
    if stdin not in STDIN:
        raise CommandFault("{}['stdin'] is {!r}; it must be one of {}".format(place, stdin, ', '.join(STDIN)))
    content_type = _as_text(
        "{}['content_type']".format(place), entry.get('content_type', 'application/octet-stream')
    )
    if not _HEADER.match(content_type):
        raise CommandFault("{}['content_type'] is {!r}; it must be printable ASCII".format(
            place, content_type))
    cwd, idempotent = entry.get('cwd'), entry.get('idempotent', False)
    if not isinstance(idempotent, bool):
        raise CommandFault("{}['idempotent'] is {!r}; it must be True or False".format(place, idempotent))
    numbers = {key: _number("{}['{}']".format(place, key), entry, key) for key in _NUMBERS}
    if 0 < numbers['memory'] < _LEAST_MEMORY:
        raise CommandFault("{}['memory'] is {}; it must be 0 or at least {} bytes".format(
            place, numbers['memory'], _LEAST_MEMORY))
    command = Command(
        name=name, argv=argv, content_type=content_type, parameters=parameters, stdin=text(stdin),
        env=_read_env("{}['env']".format(place), entry.get('env', {})),
        pass_env=_read_names("{}['pass_env']".format(place), entry.get('pass_env', ())),
        cwd=cwd if cwd is None else _filled("{}['cwd']".format(place), cwd),
        idempotent=idempotent, **numbers
    )  # fmt: skip
    _check_defaults(place, command)
    return command


def _read_argv(place, value, parameters):
    here = "{}['argv']".format(place)
    if not isinstance(value, (list, tuple)) or not value:
        raise CommandFault('{} is {!r}; it must be a list of texts'.format(here, value))
    argv = tuple(
        _read_item('{}[{}]'.format(here, number), item, parameters) for number, item in enumerate(value)
    )
    if len(argv[0]) != 1 or argv[0][0][0] is None:
        raise CommandFault('{}[0] is {!r}; it must be a program, which no parameter can choose'.format(
            here, value[0]))
    used = {name for item in argv for _, name in item}
    for name in sorted(parameters):
        if name not in used:
            raise CommandFault("{}['parameters']['{}'] is not used: no item of argv has {{{}}}".format(
                place, name, name))
    return argv


def _read_item(place, item, parameters):
    item = _as_text(place, item)
    if '\0' in item:
        raise CommandFault('{} holds a NUL'.format(place))
    parts, plain, position = [], '', 0
    for found in _PLACEHOLDER.finditer(item):
        plain += item[position:found.start()]
        position = found.end()
        name = found.group(1)
        if name is None and len(found.group(0)) == 1:
            raise CommandFault('{} is {!r}; a parameter is {{name}}, a brace itself is written twice'.format(
                place, item))
        if name is None:
            plain += found.group(0)[0]
            continue
        if name not in parameters:
            raise CommandFault('{} uses {{{}}}, which is not among the parameters{}'.format(
                place, name, _hint(name, parameters)))
        parts += [(plain, None)] * bool(plain) + [(None, name)]
        plain = ''
    plain += item[position:]
    if plain or not parts:
        parts.append((plain, None))
    return tuple(parts)


def _read_parameter(place, given):
    if not _PARAMETER.match(place.rpartition("['")[2][:-2]):
        raise CommandFault('{}: a name is letters, digits and _, and begins with no digit'.format(place))
    if isinstance(given, dict):
        given = _dict(place, given, _PARAMETER_KEYS)
        if 'pattern' not in given:
            raise CommandFault("{} has no 'pattern'".format(place))
    else:
        given = {'pattern': given}
    pattern = _as_text(place, given['pattern'])
    try:
        matches = full_matcher(pattern)
    except (re.error, ValueError, OverflowError, RuntimeError) as error:
        raise CommandFault('{} is {!r}, which is not a regular expression: {}'.format(place, pattern, error))
    default = given.get('default')
    if default is not None:
        default = _as_text("{}['default']".format(place), default)
    return Parameter(matches, pattern.startswith(('-', '\\-')), default)


def _check_defaults(place, command):
    for name, parameter in sorted(command.parameters.items()):
        if parameter.default is not None and not parameter.matches(parameter.default):
            raise CommandFault("{}['parameters']['{}']['default'] does not match its own pattern".format(
                place, name))


def _read_env(place, value):
    found = {}
    for name, given in _dict(place, value).items():
        if not _VARIABLE.match(name):
            raise CommandFault("{}: {!r} cannot be the name of a variable".format(place, name))
        found[name] = _as_text("{}['{}']".format(place, name), given)
        if '\0' in found[name]:
            raise CommandFault("{}['{}'] holds a NUL".format(place, name))
    return found


def _read_names(place, value):
    if not isinstance(value, (list, tuple, set, frozenset)):
        raise CommandFault('{} is {!r}; it must be a list of names of variables'.format(place, value))
    return tuple(_filled(place, name) for name in value)


def _number(place, entry, key):
    least, most, default, fractions = _NUMBERS[key]
    value = entry.get(key, default)
    right = isinstance(value, integers + ((float,) if fractions else ())) and not isinstance(value, bool)
    if not right or not least <= value <= most:
        raise CommandFault('{} is {!r}; it must be a {}number between {} and {}'.format(
            place, value, '' if fractions else 'whole ', least, most))
    return value


def _filled(place, value):
    value = _as_text(place, value)
    if not value or '\0' in value:
        raise CommandFault('{} is {!r}; it must be text'.format(place, value))
    return value


def _dict(place, value, keys=None):
    """A copy of a dict with text as keys; of these keys, if they are given."""
    if not isinstance(value, dict):
        raise CommandFault('{} is {!r}; it must be a dict'.format(place, value))
    found = {_as_text('{}: the key {!r}'.format(place, key), key): value[key] for key in value}
    for key in sorted(found):
        if keys is not None and key not in keys:
            raise CommandFault("{}['{}'] is not a key of a {}{}".format(
                place, key, 'parameter' if keys is _PARAMETER_KEYS else 'command', _hint(key, keys)))
    return found


def _as_text(place, value):
    if isinstance(value, str) and not isinstance(value, text):  # a native str of Python 2
        try:
            return value.decode('utf-8')
        except UnicodeDecodeError:
            raise CommandFault('{} is not UTF-8'.format(place))
    if not isinstance(value, text):
        raise CommandFault('{} is {!r}; it must be text'.format(place, value))
    return value


def _hint(name, names):
    near = difflib.get_close_matches(name.lower(), sorted(names), 1, 0.4)
    if near:
        return "; did you mean '{}'?".format(near[0])
    return '; it has {}'.format(', '.join(sorted(names))) if names else ''


# --- filling ------------------------------------------------------------------------------------------


def fill(command, given):
    """The command line as a list of bytes, in UTF-8.

    given  dict of text by text: the parameters

    Raises CommandRefused, which names the parameter and never shows a value.
    """
    for name in sorted(given):
        if name not in command.parameters:
            raise CommandRefused('the command has no parameter {}'.format(shown(name)))
    values = {name: _value(name, command.parameters[name], given) for name in sorted(command.parameters)}
    return [_fill_item(item, values, command.parameters) for item in command.argv]


def _value(name, parameter, given):
    value = given.get(name, parameter.default)
    if value is None:
        raise CommandRefused("the parameter '{}' is missing".format(name))
    try:
        value.encode('utf-8')
    except UnicodeEncodeError:  # a lone surrogate
        raise CommandRefused("the parameter '{}' is not valid text".format(name))
    if '\0' in value or not parameter.matches(value):
        raise CommandRefused("the parameter '{}' has not the form that it must have".format(name))
    return value


def _fill_item(item, values, parameters):
    filled = ''.join(plain if name is None else values[name] for plain, name in item)
    if filled.startswith('-') and item[0][0] is None:
        # The first part is a parameter. Where it is empty, what follows would become an option all the same.
        first = next((part for part in item if part[0] or values.get(part[1])), item[0])
        if first[1] is None or not parameters[first[1]].dash:
            raise CommandRefused("the parameter '{}' makes an option of its argument".format(
                first[1] or item[0][1]))
    return filled.encode('utf-8')


def check_stdin(command, is_given):
    """Whether there is input, and whether it is taken. Raises CommandRefused."""
    if is_given and command.stdin == 'none':
        raise CommandRefused('the command takes no input')
    if not is_given and command.stdin == 'required':
        raise CommandRefused('the command needs input')


def environment(command, inherited):
    """The variables of the process: what it gets of `inherited`, and what the settings add."""
    names = PASSED_ENVIRONMENT + command.pass_env
    found = {name: inherited[name] for name in names if name in inherited}
    found.update(command.env)
    return found


def ending(returncode):
    """How a process has ended, for the one who waits.

    returncode  int as in subprocess: an exit status, or a signal's number made negative
    """
    if returncode < 0:
        return 'the command was ended by signal {}'.format(-returncode)
    return 'the command ended with exit status {}'.format(returncode)


NOT_HERE = 'this site has no such command'
NOT_STARTED = 'the command could not be started'
TOO_MUCH = 'the command wrote more than {} bytes'
