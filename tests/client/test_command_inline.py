"""COMMAND in the view: the table of answers that the server has too, and how processes end."""

from __future__ import unicode_literals

import io
import os
import time

import pytest
import site_support
from command_cases import BINARY, CASES, CONTENT_TYPE, CUT, SECRET, sh
from django.core.exceptions import ImproperlyConfigured
from django.test import RequestFactory
from inline_support import LATE, whole

from channels_async.client.client import client
from channels_async.inline import processes


def ask(entry, parameters=None, stdin=None, method='GET', name='it', debug=False, **arguments):
    """The response of client.command in a view under WSGI; `entry` is the command `it` of the settings."""
    request = RequestFactory().generic(str(method), str('/'), arguments.pop('body', b''))
    if stdin == 'the request':
        stdin = request
    server = {'COMMANDS': {'it': entry}}
    with site_support.configured(
        site_support.STYLES[-1], [], CHANNELS_ASYNC_SERVER=server, DEBUG=debug
    ):
        return client.command(request, name, parameters, stdin, **arguments)


def first(response):
    """What came before the answer broke off."""
    chunks = []
    with pytest.raises(Exception) as caught:
        chunks.extend(response)
    assert (type(caught.value).__name__, caught.value.status) == ('CommandFailed', 500)
    return b''.join(chunks)


def living(group):
    """The processes of a group that are no zombies (proc(5))."""
    found = []
    for number in os.listdir('/proc'):
        try:
            with io.open('/proc/{}/stat'.format(number), errors='replace') as stat:
                fields = stat.read().rpartition(')')[2].split()
        except (IOError, OSError):
            continue
        if number.isdigit() and int(fields[2]) == group and fields[0] not in ('Z', 'X'):
            found.append(number)
    return found


def is_gone(group):
    """Whether nothing of a group lives; what was killed needs a processor once more before it is gone."""
    ends = time.time() + 30
    while living(group) and time.time() < ends:
        time.sleep(0.01)
    return not living(group)


@pytest.mark.parametrize('case', CASES, ids=[case.name for case in CASES])
def test_the_view_answers_as_the_table_says(case, monkeypatch):
    monkeypatch.setenv(*[str(part) for part in SECRET])
    response = ask(case.entry, case.parameters, case.stdin)
    body = whole(response) if case.name not in CUT else first(response)
    assert response.status_code == case.status
    if isinstance(case.body, bytes):
        assert body == case.body
        assert [(name.lower(), value) for name, value in response.items()] == [('content-type', CONTENT_TYPE)]
    else:
        assert case.body.encode('utf-8') in body
        assert response['Content-Type'] == 'text/plain; charset=utf-8'


def test_a_command_that_is_not_in_the_settings_is_refused_and_the_log_names_the_one_that_was_meant(caplog):
    response = ask(sh('echo'), name='itt')
    assert (response.status_code, b'this site has no such command' in response.content) == (403, True)
    assert "the settings have no command 'itt'; did you mean 'it'?" in caplog.text


def test_wrong_settings_are_an_error_in_the_view():
    with pytest.raises(ImproperlyConfigured) as caught:
        ask({'argv': ['cat', '{x}']})
    assert "COMMANDS['it']['argv'][1] uses {x}" in '{}'.format(caught.value)


@pytest.mark.parametrize('limits', [{}, {'nice': 1}])
def test_a_program_that_is_not_there_is_a_clear_500(limits, caplog):
    response = ask(dict(limits, argv=['no-such-program-at-all']))
    assert (response.status_code, b'the command could not be started' in response.content) == (500, True)
    assert 'No such file' in caplog.text


def test_the_requests_own_body_is_read():
    assert whole(ask({'argv': ['cat']}, stdin='the request', method='POST', body=BINARY)) == BINARY


def test_stderr_is_logged_and_told_in_debug(caplog):
    caplog.set_level('INFO', 'channels_async.client')
    entry = sh('echo why >&2; exit 1')
    assert b'why' not in ask(entry).content
    assert 'stderr: why' in caplog.text
    assert b'\nwhy\n' in ask(entry, debug=True).content


def test_a_command_that_is_late_is_504_and_its_group_is_gone(tmpdir):
    file = tmpdir.join('group')
    script = 'trap "" TERM; sleep 1000 & sleep 1000 & echo $$ >{}; while :; do wait; done'.format(file)
    for timeout in LATE:
        response = ask(sh(script, kill_after=0.2), timeout=timeout)
        late = b"longer than the operation's deadline" in response.content
        assert (response.status_code, late) == (504, True)
        if file.check() and file.read():
            break
    assert is_gone(int(file.read()))


def test_a_command_that_is_late_in_the_middle_breaks_off_and_its_group_is_gone():
    for timeout in LATE:
        response = ask(sh('sleep 1000 & echo $$; wait', kill_after=0.2), timeout=timeout)
        if response.status_code == 200:
            break
    chunks = iter(response)
    group = int(next(chunks))
    with pytest.raises(Exception) as caught:
        list(chunks)
    assert caught.value.status == 504
    assert is_gone(group)


def test_a_browser_that_goes_away_ends_the_command():
    response = ask(sh('sleep 1000 & echo $$; yes', kill_after=0.2))
    group = int(next(iter(response)).split()[0])
    response.close()
    assert is_gone(group)


def test_a_program_is_asked_to_end_before_it_is_killed(caplog):
    caplog.set_level('INFO', 'channels_async.client')
    script = "trap 'echo cleaned up >&2; exit 0' TERM; echo $$; while :; do sleep 1000 & wait; done"
    response = ask(sh(script, kill_after=30))
    group = int(next(iter(response)))
    response.close()
    assert is_gone(group)
    assert 'stderr: cleaned up' in caplog.text


def test_what_was_written_last_is_read_also_by_one_who_stood_still(tmpdir, monkeypatch):
    monkeypatch.setattr(processes, 'LAST_READ', 0.0)  # as if that time had passed
    file = tmpdir.join('go')
    response = ask(sh('echo $$; until [ -e {} ]; do sleep 0.01; done; echo two'.format(file)))
    chunks = iter(response)
    group = int(next(chunks))
    file.write('')
    assert is_gone(group)
    assert list(chunks) == [b'two\n']


def test_no_more_is_read_than_was_asked_for(tmpdir):
    file = tmpdir.join('done')
    response = ask(sh('head -c 10000000 /dev/zero; touch {}'.format(file)))
    chunks = iter(response)
    first = next(chunks)
    assert len(first) <= 65536
    time.sleep(0.2)
    assert not file.check()
    assert len(first) + sum(map(len, chunks)) == 10000000
    assert file.check()


@pytest.mark.parametrize(('script', 'status'), [('yes | head -c 500000; touch {}', 200), ('exit 1', 500)])
def test_head_runs_the_command_to_its_end_and_sends_no_content(script, status, tmpdir):
    file = tmpdir.join('done')
    response = ask(sh(script.format(file)), method='HEAD')
    assert (response.status_code, whole(response)) == (status, b'')
    assert file.check() is (status == 200)


def test_a_command_that_fails_after_its_first_bytes_breaks_off():
    response = ask(sh('echo one; sleep 0.1; exit 3'))
    chunks = iter(response)
    assert next(chunks) == b'one\n'
    with pytest.raises(Exception) as caught:
        next(chunks)
    assert caught.value.reason == 'the command ended with exit status 3'
