"""How tests run: `async def` tests run under Trio, on the real clock or on one that is named by a marker.

`@pytest.mark.autojump` gives them a clock that jumps whenever all tasks wait: for what needs nothing but
Trio, as threads, processes and sockets would be late by hours. `@pytest.mark.jumpable` gives them one that
goes as the real one does and can be set forward, once what the time was for has happened (trio_tests.py).

Python 2.7 reads this file too (tests/client), so what needs Python 3 is imported where it is used.
"""

import functools
import inspect
import os

import pytest


def pytest_configure(config):
    config.addinivalue_line("markers", "autojump: run this async test on a clock that jumps when all wait")
    config.addinivalue_line("markers", "jumpable: run this async test on a clock that it can set forward")
    _take_the_machine_as_it_is()


def _take_the_machine_as_it_is():
    """What hypothesis makes up takes longer on a machine that is busy; that is no failure."""
    try:
        import hypothesis
    except ImportError:  # not where only the site is tested
        return
    slow = [hypothesis.HealthCheck.too_slow]
    hypothesis.settings.register_profile("any machine", deadline=None, suppress_health_check=slow)
    hypothesis.settings.load_profile("any machine")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    is_async = getattr(inspect, "iscoroutinefunction", None)  # Python 2.7 has none
    if is_async is None or not is_async(pyfuncitem.obj):
        return None
    from tests.harness import trio_tests

    names = pyfuncitem._fixtureinfo.argnames
    test = functools.partial(pyfuncitem.obj, **{name: pyfuncitem.funcargs[name] for name in names})
    markers = {marker.name for marker in pyfuncitem.iter_markers()}
    trio_tests.run(test, autojump="autojump" in markers, jumpable="jumpable" in markers)
    return True


@pytest.fixture(scope="session")
def shared_redis():
    """One private Redis for the whole run; tests ask for `redis`, which empties it."""
    from tests.harness.redis_server import NoRedisBinary, redis_server

    try:
        with redis_server() as server:
            yield server
    except NoRedisBinary as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.fixture
def redis(shared_redis):
    """The run's private Redis, empty. A test that stops one starts its own (`redis_server()`)."""
    shared_redis.command("FLUSHALL")
    return shared_redis
