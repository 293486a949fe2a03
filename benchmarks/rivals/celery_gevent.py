"""Celery with gevent: `celery -A celery_gevent worker -P gevent`; `celery_gevent.py enqueue NUMBER URL`."""

from __future__ import annotations

import redis
import requests
from celery import Celery
from replying import DAPHNE, HEADERS, SEND, first_message, key, new_channel, redis_url, wanted
from requests.adapters import HTTPAdapter

app = Celery("benchmark", broker=redis_url())
app.conf.update(task_ignore_result=True, worker_hijack_root_logger=False, broker_pool_limit=10)

session = requests.Session()
session.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=1000))
send = redis.Redis.from_url(redis_url(), max_connections=1000).register_script(SEND)


@app.task(name="call")
def call(url: str, channel: str) -> None:
    response = session.get(url, headers=HEADERS)
    headers = [(name.encode(), value.encode()) for name, value in response.headers.items()]
    send(
        keys=[DAPHNE, key()],
        args=[first_message(channel, response.status_code, headers, response.content)],
    )


if __name__ == "__main__":
    number, url = wanted()
    with app.producer_pool.acquire() as producer:
        for _ in range(number):
            call.apply_async((url, new_channel()), producer=producer)
