"""These tests run on Python 2.7 too, without the conftest.py above; see README.rst here."""

from __future__ import unicode_literals

import os
import sys

try:
    import channels_async  # noqa: F401
except ImportError:  # a source tree that is not installed
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(here)), 'client'))

collect_ignore = []
if sys.version_info[0] == 2:
    collect_ignore.append('test_wire_properties.py')  # hypothesis has left Python 2.7
