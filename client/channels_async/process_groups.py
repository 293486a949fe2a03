"""Process groups, signalled as a whole and looked at, for server and inline form (kill(2), proc(5))."""

from __future__ import unicode_literals

import errno
import io
import os


def signal_group(group, number, leader_is_reaped):
    """Signal every process of a group; returns whether there was any, zombies included.

    Before that, members that are our own children are reaped, but only once the leader has been, which is
    for the one to do who waits for it. Others become our children where orphans are given to us: to process
    1 of a container, or to a subreaper (prctl(2)). As long as there is any member, the system gives the
    group's number to nobody else.
    """
    try:
        while leader_is_reaped and os.waitpid(-group, os.WNOHANG)[0]:
            pass
    except OSError as error:
        if error.errno != errno.ECHILD:
            raise
    try:
        os.killpg(group, number)
    except OSError as error:
        if error.errno == errno.ESRCH:
            return False
        if error.errno != errno.EPERM:  # they have become somebody else
            raise
    return True


def any_living(group):
    """Whether a process of the group lives; True as well where there is no /proc to tell.

    Zombies do not live. They are their parents' to reap, and in a container whose process 1 does not do so
    they stay for ever.
    """
    try:
        numbers = [name for name in os.listdir('/proc') if name.isdigit()]
    except OSError:
        return True
    for number in numbers:
        try:
            with io.open('/proc/{}/stat'.format(number), 'rb') as stat:
                fields = stat.read().rpartition(b')')[2].split()  # the name in parentheses may hold anything
        except (IOError, OSError):
            continue  # it has ended meanwhile
        if int(fields[2]) == group and fields[0] not in (b'Z', b'X'):
            return True
    return not numbers
