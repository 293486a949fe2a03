"""The server's module of 2017: `python -m channels_async.server.server myproject.settings`.

The server is a program of its own now, for Python 3.10 and newer, and this only says so.
"""

from __future__ import unicode_literals

import sys

#: How the command is called today.
COMMAND = 'python3 -m server_trio {}'


def _moved(settings_module):
    return (
        'The server of channels_async has moved. Start it with\n\n    {}\n\n'
        "in an environment of Python 3.10 or newer that has it: pip install 'channels-async[server]'. "
        'Your site and its messages need no change.'
    ).format(COMMAND.format(settings_module or 'myproject.settings'))


class ChannelsConsumer(object):
    """The server of 2017; it cannot be made any more."""

    def __init__(self, *arguments, **options):
        raise RuntimeError(_moved(None))


def runserver(settings_module=None):
    """The entry point of 2017. Ends with a message that names the new command, and status 2."""
    sys.stderr.write(_moved(settings_module) + '\n')
    raise SystemExit(2)


if __name__ == '__main__':
    runserver(*sys.argv[1:2])
