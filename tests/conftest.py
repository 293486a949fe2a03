"""How tests run: `async def` tests run under Trio, `@pytest.mark.autojump` gives them a clock that jumps."""

import functools
import inspect

import pytest


def pytest_configure(config):
    config.addinivalue_line("markers", "autojump: run this async test on a clock that jumps when all tasks wait")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Run an `async def` test with trio.run, under a bound so that a hang names its test."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    import trio
    import trio.testing

    autojump = pyfuncitem.get_closest_marker("autojump") is not None
    names = pyfuncitem._fixtureinfo.argnames
    test = functools.partial(pyfuncitem.obj, **{name: pyfuncitem.funcargs[name] for name in names})

    async def run():
        with trio.fail_after(30 if not autojump else 3600):
            await test()

    trio.run(run, clock=trio.testing.MockClock(autojump_threshold=0) if autojump else None)
    return True
