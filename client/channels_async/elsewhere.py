"""Answers that do not go to the one who asks: to a channel of the project's own, or to nobody.

Nothing of a request or a response is needed for them, so this works in a view under channels or WSGI, in a
consumer, a management command or a task of Celery.
"""

from __future__ import unicode_literals

from channels_async import conf, sending, wire
from channels_async._py23 import text

FORMATS = ('http', 'websocket', 'message')


class _Own(object):
    """The default of `reply_to`; None means something else."""

    def __repr__(self):
        return str("<the request's own>")


#: Where the answer goes unless somebody says otherwise: to the one who asks.
OWN = _Own()


def check_format(reply_format):
    """Raises ValueError for what is neither a format nor None."""
    if reply_format is not None and reply_format not in FORMATS:
        raise ValueError('reply_format must be one of {}'.format(', '.join(FORMATS)))


def destination(reply_to, reply_format):
    """The fields `reply_channel` and `reply_format` of a message.

    reply_to      text or a Channel of channels; None where nobody wants the answer
    reply_format  text or None

    Raises TypeError or ValueError.
    """
    if reply_to is None:
        if reply_format is not None:
            raise ValueError('reply_format is of no use with reply_to=None: there is no answer')
        return None, 'none'
    name = reply_to.name if _is_channel(reply_to) else reply_to
    if isinstance(name, bytes):  # a native str of Python 2
        name = name.decode('latin-1')
    if not isinstance(name, text):
        raise TypeError('reply_to must be the name of a channel or None, not {}'.format(
            type(reply_to).__name__))
    if not wire.check_channel_name(name):
        raise ValueError('reply_to is no channel name: {!r}'.format(reply_to))
    if name in (wire.REQUEST_CHANNEL, conf.client_settings().channel):
        raise ValueError('reply_to is where operations arrive: the answer would come back as one')
    return name, reply_format or 'message'


def _is_channel(value):
    """Whether it is a Channel of channels; a Group has a name too, but is no place for an answer."""
    if isinstance(value, (text, bytes)):
        return False
    from channels import Channel

    return isinstance(value, Channel)


def send_off(layer, fields, reply_channel):
    """Have an operation done; returns its id, text.

    layer          what messages are sent on
    fields         of wire.encode: all but reply_channel and sent_at
    reply_channel  text or None

    It leaves when the transaction that is open on the default database has been committed, and never if it is
    rolled back; without a transaction it leaves now. On Django 1.8, which cannot tell, it always leaves now.

    Raises sending.NotSent; in a transaction, that comes out of its end.
    """
    settings = conf.client_settings()

    def leave():
        if conf.offloads():
            sending.send_off(layer, reply_channel, fields, settings)
        else:
            from channels_async.inline import forms

            forms.answer(layer, reply_channel, fields)

    _when_committed(leave)
    return fields['id']


def _when_committed(leave):
    from django.db import connection

    # on_commit() would connect to the database to find out that there is no transaction.
    if connection.in_atomic_block and hasattr(connection, 'on_commit'):
        connection.on_commit(leave)
    else:
        leave()
