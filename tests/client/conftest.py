"""These tests run on Python 2.7 too, without the conftest.py above; see README.rst here."""

from __future__ import unicode_literals

import os
import sys

import pytest

try:
    import channels_async  # noqa: F401
except ImportError:  # a source tree that is not installed
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(here)), 'client'))

collect_ignore = []
if sys.version_info[0] == 2:
    collect_ignore.append('test_wire_properties.py')  # hypothesis has left Python 2.7
else:
    if sys.version_info >= (3, 10):
        import channels_compat

        channels_compat.install()  # before any test imports Django, also where one file is run by itself
    import hypothesis

    # What it makes up takes longer on a machine that is busy; that is no failure.
    hypothesis.settings.register_profile(
        'any machine', deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
    )
    hypothesis.settings.load_profile('any machine')


def pytest_generate_tests(metafunc):
    """`style`: how middleware is listed. Each test that lists some runs in all ways that its Django knows."""
    if 'style' in metafunc.fixturenames:
        import site_support

        metafunc.parametrize('style', site_support.STYLES)


@pytest.fixture
def everything(style):
    """All the middleware of Django."""
    import site_support

    settings = {'USE_ETAGS': True, 'SECURE_CONTENT_TYPE_NOSNIFF': True}
    with site_support.configured(style, site_support.EVERYTHING, **settings):
        yield


@pytest.fixture
def plain(style):
    """No middleware at all."""
    import site_support

    with site_support.configured(style, []):
        yield
