"""Command lines of the site; programs that every machine has."""

from __future__ import unicode_literals


def sh(script, *arguments, **more):
    return dict(more, argv=('/bin/sh', '-c', script, 'sh') + arguments)  # noqa: RUF005 - Python 2


COMMANDS = {
    'copy': {'argv': ['cat'], 'stdin': 'required', 'content_type': 'image/png'},
    'edit': {
        'argv': ['sed', 's/{what}/{to}/'],
        'content_type': 'text/plain',
        'parameters': {'what': r'\w+', 'to': r'\w*'},
    },
    'zeros': {'argv': ['head', '-c', '{size}', '/dev/zero'], 'parameters': {'size': r'\d+'}},
    'steps': sh('echo one; read line <"$1"; echo "$line"', '{fifo}', parameters={'fifo': r'/[\w/.\-]+'}),
    'fail': sh('echo secret >&2; exit 3', nice=1),
    'family': sh(
        'echo $$ >"$1"; sleep 1000 & (sleep 1000 & wait) & wait', '{file}',
        parameters={'file': r'/[\w/.\-]+'}, kill_after=0.5,
    ),
    'dies': sh('echo begun; sleep 0.1; exit 3', stdin='none'),
    'hidden': sh('exec >&-; sleep 0.1', stdin='none'),
    'killed': sh('kill -9 $$', stdin='none'),
    'leaver': sh('setsid sleep 2 & echo done', stdin='none'),
    'wordy': sh('head -c 2000000 /dev/zero >&2; echo done', stdin='optional'),
    'limited': sh('head -c 100000 /dev/zero', stdin='none', max_output=1000),
}
