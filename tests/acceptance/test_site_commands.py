"""manage.py of a site sees its servers, and what could go wrong with them: on the site's own Python."""

from __future__ import annotations

import json

from .browser import ask
from .raw import until


def test_the_site_sees_its_running_server(site):
    assert ask(f"{site.url}/ask/echo").status == 200
    found = {}

    def is_reported():
        """A server reports what it has done now and then."""
        said = site.manage("channels_async_status", "--format", "json", "--interval", "1.5")
        found.update(json.loads(said[said.index("{\n") :]))
        return any(one["operation"] == "REQUEST" and one["outcomes"].get("ok") for one in found["operations"])

    until("the request is in the server's report", is_reported, 60)
    (server,) = found["servers"]
    assert server["pid"] == site.processes["server"].pid
    assert (server["state"], server["python"][:2]) == ("running", "3.")
    assert "request.async" in server["channels"]
    assert found["queue"] == {"length": 0, "oldest_age": 0.0}
    (request,) = [one for one in found["operations"] if one["operation"] == "REQUEST"]
    assert request["duration"]["p50"] > 0


def test_the_table_is_for_people(site):
    said = site.manage("channels_async_status")
    assert "nothing waits on request.async" in said
    assert f":{site.processes['server'].pid}  running" in said


def test_the_checks_of_a_deployment_see_the_server_and_its_redis(site):
    said = site.manage("check", "--deploy", "--tag", "channels_async")
    assert "(channels_async.I018)" in said  # 100 places on request.async are the layer's default
    assert "W03" not in said
    assert "no server" not in said
