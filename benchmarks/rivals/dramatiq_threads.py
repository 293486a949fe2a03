"""Dramatiq: `dramatiq dramatiq_threads`; `dramatiq_threads.py enqueue NUMBER URL`."""

from __future__ import annotations

import threading

import dramatiq
import redis
import requests
from dramatiq.brokers.redis import RedisBroker
from replying import DAPHNE, HEADERS, SEND, first_message, key, new_channel, redis_url, wanted

dramatiq.set_broker(RedisBroker(url=redis_url()))

local = threading.local()
send = redis.Redis.from_url(redis_url()).register_script(SEND)


@dramatiq.actor
def call(url: str, channel: str) -> None:
    session = getattr(local, "session", None)
    if session is None:
        session = local.session = requests.Session()
    response = session.get(url, headers=HEADERS)
    headers = [(name.encode(), value.encode()) for name, value in response.headers.items()]
    send(
        keys=[DAPHNE, key()],
        args=[first_message(channel, response.status_code, headers, response.content)],
    )


if __name__ == "__main__":
    number, url = wanted()
    for _ in range(number):
        call.send(url, new_channel())
