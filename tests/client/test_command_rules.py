"""COMMANDS as the settings have them: every fault is told with its place, and nothing else is raised."""

from __future__ import unicode_literals

import pytest
from command_cases import CASES, sh

from channels_async import command_rules
from channels_async.command_rules import CommandFault, read_commands

FAULTS = [
    ([], 'COMMANDS is []; it must be a dict'),
    ({'a b': sh('true')}, "COMMANDS: the name 'a b' must be letters, digits or _.-"),
    ({'it': None}, "COMMANDS['it'] is None; it must be a dict"),
    ({'it': {}}, "COMMANDS['it'] has no 'argv'"),
    ({'it': {'argv': 'convert -'}}, "COMMANDS['it']['argv'] is"),
    ({'it': {'argv': []}}, "COMMANDS['it']['argv'] is []; it must be a list of texts"),
    ({'it': {'argv': ['a', 5]}}, "COMMANDS['it']['argv'][1] is 5; it must be text"),
    ({'it': {'argv': ['a', 'b\0']}}, "COMMANDS['it']['argv'][1] holds a NUL"),
    ({'it': {'argv': ['a', '{']}}, "COMMANDS['it']['argv'][1] is"),
    ({'it': {'argv': ['a', '{0}']}}, 'a brace itself is written twice'),
    ({'it': {'argv': ['a', '{b!r}']}}, 'a brace itself is written twice'),
    ({'it': {'argv': ['a', 'b', 'x', '{sise}'], 'parameters': {'size': '.'}}},
     "COMMANDS['it']['argv'][3] uses {sise}, which is not among the parameters; did you mean 'size'?"),
    ({'it': {'argv': ['a', '{b}']}}, "COMMANDS['it']['argv'][1] uses {b}, which is not among the parameters"),
    ({'it': {'argv': ['{a}'], 'parameters': {'a': '.'}}}, "COMMANDS['it']['argv'][0] is"),
    ({'it': {'argv': ['x{a}'], 'parameters': {'a': '.'}}},
     'it must be a program, which no parameter can choose'),
    ({'it': {'argv': ['a'], 'parameters': {'size': '.'}}},
     "COMMANDS['it']['parameters']['size'] is not used: no item of argv has {size}"),
    ({'it': {'argv': ['a'], 'parameters': ['size']}}, "COMMANDS['it']['parameters'] is"),
    ({'it': {'argv': ['a', '{a}'], 'parameters': {'a': '('}}}, "COMMANDS['it']['parameters']['a'] is"),
    ({'it': {'argv': ['a', '{a}'], 'parameters': {'a': 'x{99999999999}'}}}, 'not a regular expression'),
    ({'it': {'argv': ['a', '{a}'], 'parameters': {'a': 5}}}, "['a'] is 5; it must be text"),
    ({'it': {'argv': ['a', '{a}'], 'parameters': {'a': {}}}}, "['parameters']['a'] has no 'pattern'"),
    ({'it': {'argv': ['a', '{a}'], 'parameters': {'a': {'patern': '.'}}}},
     "COMMANDS['it']['parameters']['a']['patern'] is not a key of a parameter; did you mean 'pattern'?"),
    ({'it': {'argv': ['a', '{a}'], 'parameters': {'a': {'pattern': 'x', 'default': 'y'}}}},
     "COMMANDS['it']['parameters']['a']['default'] does not match its own pattern"),
    ({'it': {'argv': ['a', '{a}'], 'parameters': {'a': {'pattern': '.', 'default': 5}}}}, 'it must be text'),
    ({'it': {'argv': ['a'], 'parameters': {'a-b': '.'}}}, "COMMANDS['it']['parameters']['a-b']: a name is"),
    ({'it': sh('true', content_typ='x')},
     "COMMANDS['it']['content_typ'] is not a key of a command; did you mean 'content_type'?"),
    ({'it': sh('true', timeout=5)}, "COMMANDS['it']['timeout'] is not a key of a command"),
    ({'it': sh('true', content_type='a\nb')}, "COMMANDS['it']['content_type'] is"),
    ({'it': sh('true', content_type=None)}, "COMMANDS['it']['content_type'] is None; it must be text"),
    ({'it': sh('true', stdin=True)}, 'it must be one of optional, required, none'),
    ({'it': sh('true', env={'A=': 'x'})}, "cannot be the name of a variable"),
    ({'it': sh('true', env={'A': 5})}, "COMMANDS['it']['env']['A'] is 5; it must be text"),
    ({'it': sh('true', env={'A': 'x\0'})}, "COMMANDS['it']['env']['A'] holds a NUL"),
    ({'it': sh('true', pass_env='PATH')}, 'it must be a list of names of variables'),
    ({'it': sh('true', pass_env=[''])}, "COMMANDS['it']['pass_env'] is"),
    ({'it': sh('true', cwd='')}, "COMMANDS['it']['cwd'] is"),
    ({'it': sh('true', cwd=5)}, "COMMANDS['it']['cwd'] is 5; it must be text"),
    ({'it': sh('true', nice=20)}, "COMMANDS['it']['nice'] is 20; it must be a whole number between 0 and 19"),
    ({'it': sh('true', nice=1.5)}, "COMMANDS['it']['nice'] is 1.5"),
    ({'it': sh('true', nice=True)}, "COMMANDS['it']['nice'] is True"),
    ({'it': sh('true', cpu_seconds=-1)}, "COMMANDS['it']['cpu_seconds'] is -1"),
    ({'it': sh('true', memory='1G')}, "COMMANDS['it']['memory'] is"),
    ({'it': sh('true', memory=1000)}, "COMMANDS['it']['memory'] is 1000; it must be 0 or at least 1048576"),
    ({'it': sh('true', max_output=2 ** 60)}, "COMMANDS['it']['max_output'] is"),
    ({'it': sh('true', kill_after=61)},
     "COMMANDS['it']['kill_after'] is 61; it must be a number between 0 and 60"),
    ({'it': sh('true', kill_after=float('nan'))}, "COMMANDS['it']['kill_after'] is nan"),
    ({'it': sh('true', idempotent=1)}, "COMMANDS['it']['idempotent'] is 1; it must be True or False"),
]  # fmt: skip


@pytest.mark.parametrize(('value', 'says'), FAULTS)
def test_a_fault_is_told_with_its_place(value, says):
    with pytest.raises(CommandFault) as caught:
        read_commands(value)
    assert says in '{}'.format(caught.value)


def test_the_table_of_the_answers_is_without_fault():
    assert read_commands({str(number): case.entry for number, case in enumerate(CASES)})


def test_what_is_not_given_has_its_value():
    command = read_commands({'it': {'argv': ['cat']}})['it']
    assert command.content_type == 'application/octet-stream'
    assert (command.stdin, command.cwd, command.kill_after) == ('optional', None, 2.0)
    assert (command.max_output, command.nice, command.cpu_seconds, command.memory) == (2 ** 30, 0, 0, 0)
    assert command.idempotent is False
    assert read_commands({'it': {'argv': ['cat'], 'idempotent': True}})['it'].idempotent is True


def test_settings_in_native_strings_are_understood():
    argv = [str('cat'), 'caf\xe9'.encode('utf-8') if str is bytes else 'caf\xe9']
    command = read_commands({str('it'): {str('argv'): argv}})['it']
    assert command_rules.fill(command, {}) == [b'cat', 'caf\xe9'.encode('utf-8')]


def test_a_lone_surrogate_is_refused_or_sent_as_it_is():
    command = read_commands({'it': sh('x', '{a}', parameters={'a': '.*'})})['it']
    if str is bytes:  # Python 2 encodes it
        assert command_rules.fill(command, {'a': '\ud800'})[-1] == b'\xed\xa0\x80'
        return
    with pytest.raises(command_rules.CommandRefused) as caught:
        command_rules.fill(command, {'a': '\ud800'})
    assert "the parameter 'a' is not valid text" in '{}'.format(caught.value)


def test_a_process_gets_few_variables_and_those_that_are_named():
    command = read_commands({'it': sh('x', env={'A': '1', 'PATH': '/x'}, pass_env=['B', 'C'])})['it']
    inherited = {'PATH': '/bin', 'HOME': '/home', 'B': '2', 'SECRET_KEY': 'x', 'LC_TIME': 'C'}
    passed = command_rules.environment(command, inherited)
    assert passed == {'PATH': '/x', 'HOME': '/home', 'A': '1', 'B': '2'}
