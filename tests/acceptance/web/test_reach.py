"""A guarded site: the browser sees a 403, whether the server or the worker did the operation."""

from __future__ import annotations

import json

import pytest

from tests.acceptance.browser import ask
from tests.acceptance.stack import serving
from tests.harness.redis_server import redis_server


@pytest.fixture(scope="module", params=["server", "inline"])
def guarded_site(request, tmp_path_factory, web_python, shared_upstream):
    """A site that may reach its upstream at 127.0.0.1 and its port, and nothing else."""
    server = request.param == "server"
    egress = {"allow": [shared_upstream.url.partition("//")[2]]}
    inline = "no" if server else "yes"
    more = {"ACCEPTANCE_SERVER": json.dumps({"EGRESS": egress}), "ACCEPTANCE_INLINE": inline}
    directory = tmp_path_factory.mktemp(request.param)
    with (
        redis_server() as redis,
        serving(directory, web_python, redis, shared_upstream, server=server, **more) as site,
    ):
        yield site


def test_what_is_allowed_is_reached(guarded_site, upstream):
    assert ask(f"{guarded_site.url}/ask/echo").status == 200


@pytest.mark.parametrize("host", ["127.0.0.2", "[::1]", "2130706434"])
def test_a_redirect_elsewhere_is_403_and_tells_nothing(guarded_site, upstream, host):
    port = upstream.url.rpartition(":")[2]
    page = ask(f"{guarded_site.url}/ask/redirect/302?to=http://{host}:{port}/echo/there")
    assert page.status == 403
    assert page.body.startswith(b"403 Forbidden\nthe upstream is not allowed\noperation ")
    assert port.encode() not in page.body
