"""What old settings and old commands import."""

from __future__ import unicode_literals

import os
import subprocess
import sys

import pytest

import channels_async


def test_the_path_of_the_client():
    import site_support  # noqa: F401 - configures Django

    from channels_async.client.client import client

    assert callable(client.request)


def test_the_constants():
    from channels_async import wire

    assert channels_async.ASYNC_CHANNEL == wire.REQUEST_CHANNEL
    assert channels_async.OPERATION_TYPES == wire.OPERATIONS


def test_the_routing_of_derived_settings():
    from channels_async.server.routing import channel_routing

    assert channel_routing == []


def test_the_old_command_names_the_new_one():
    environment = dict(os.environ, PYTHONPATH=os.path.dirname(os.path.dirname(channels_async.__file__)))
    process = subprocess.Popen(
        [sys.executable, '-m', 'channels_async.server.server', 'mysite.settings'],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=environment,
    )  # fmt: skip
    out, err = process.communicate()
    assert process.returncode == 2
    assert b'python3 -m server_trio mysite.settings' in err
    assert b'Traceback' not in err
    assert out == b''


def test_the_old_class_says_where_it_went():
    from channels_async.server.server import ChannelsConsumer

    with pytest.raises(RuntimeError) as caught:
        ChannelsConsumer()
    assert 'server_trio' in str(caught.value)
