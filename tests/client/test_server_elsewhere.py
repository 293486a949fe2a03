# coding: utf-8
"""python -m server_trio, called by mistake with the Python of the site."""

from __future__ import unicode_literals

import os
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@pytest.mark.skipif(sys.version_info >= (3, 10), reason='the server could run here')
def test_the_server_says_on_an_old_python_that_it_needs_a_newer_one():
    environment = dict(os.environ, PYTHONPATH=ROOT)
    words = [sys.executable, '-m', 'server_trio', 'myproject.server_settings']
    started = subprocess.Popen(words, cwd=ROOT, env=environment, stderr=subprocess.PIPE)
    complaint = started.communicate()[1].decode('utf-8')
    assert started.returncode == 2
    assert 'Traceback' not in complaint
    assert 'needs Python 3.10-3.13, and this is {}.{};'.format(*sys.version_info[:2]) in complaint
    assert "pip install 'channels-async[server]'" in complaint
