"""A site whose worker makes the calls itself: `channels_site.py runworker --threads N`.

channels 1.1.5 as it is (through channels_compat), with requests; a session for each thread, so that
connections are kept.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

import requests
from channels.channel import Channel
from channels.routing import route
from django.conf import settings

local = threading.local()
#: redis-py 8 has 100 connections at most unless told otherwise, and a thread needs one.
REDIS = os.environ["BENCH_REDIS"] + "?max_connections=1000"


def call(message: Any) -> None:
    """Make the call and answer."""
    session = getattr(local, "session", None)
    if session is None:
        session = local.session = requests.Session()
    headers = {name.decode(): value.decode() for name, value in message.content["headers"]}
    response = session.request(message.content["method"], message.content["url"], headers=headers)
    Channel(message.content["reply_channel"]).send(
        {
            "status": response.status_code,
            "headers": [[name.encode(), value.encode()] for name, value in response.headers.items()]
            + message.content["response_headers"],
            "content": response.content,
            "more_content": False,
        },
        immediately=True,
    )


routing = [route("request.async", call)]

if __name__ == "__main__":
    sys.modules["channels_site"] = sys.modules["__main__"]  # ROUTING names it
    settings.configure(
        SECRET_KEY="benchmark",  # noqa: S106
        INSTALLED_APPS=["channels"],
        LOGGING_CONFIG=None,
        CHANNEL_LAYERS={
            "default": {
                "BACKEND": "asgi_redis.RedisChannelLayer",
                "CONFIG": {"hosts": [REDIS], "capacity": 100000},
                "ROUTING": "channels_site.routing",
            }
        },
    )
    from django.core.management import execute_from_command_line

    execute_from_command_line([*sys.argv, "--only-channels=request.async"])
