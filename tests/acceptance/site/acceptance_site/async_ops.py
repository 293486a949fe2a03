"""Functions that views have called in the server, on its Python 3; no module of the site imports this one."""

import os
import time

import trio
import trio.lowlevel
from django.db import connection
from django.http import HttpResponse

from acceptance_site.models import Note
from server_trio.calls import call


async def status(number, size=None, context=None):
    await trio.lowlevel.checkpoint()
    return {'number': number, 'size': size, 'id': context.id}


@call
def given(*args, **kwargs):
    return {'args': args, 'kwargs': kwargs}


@call
async def in_two(path):
    """Two items, the second when there is a file."""
    yield 'first\n'
    while not await trio.Path(path).exists():  # noqa: ASYNC110 - who makes it is another process
        await trio.sleep(0.01)
    yield 'second\n'


@call
def in_two_of_a_thread(path):
    yield 'first\n'
    while not os.path.exists(path):
        time.sleep(0.01)
    yield 'second\n'


@call
async def fail():
    raise ValueError('a secret')


@call
async def sleep():
    await trio.sleep(60)


@call
async def until_cancelled(begun, ended):
    """Makes a file when it begins, and one when it ends."""
    _touch(begun)
    try:
        await trio.sleep_forever()
    finally:
        _touch(ended)


def _touch(path):
    open(path, 'w').close()


@call
def block(path):
    """A thread that nobody can end, until there is a file."""
    while not os.path.exists(path):
        time.sleep(0.01)


@call
def html():
    response = HttpResponse('<p>hello</p>', status=201)
    response.set_cookie('from', 'function')
    return response


@call
async def fetch(url, context):
    async with context.http.stream('GET', url) as response:
        return response.status, {'X-Fetched': '1'}, await response.json()


@call
def write_note(text):
    Note.objects.create(text=text)
    return list(Note.objects.filter(text=text).values('text'))


@call
async def count_notes(text, context):
    return {'notes': await context.run_sync(_count, text)}


def _count(text):
    return Note.objects.filter(text=text).count()


@call
def broken_note(text):
    Note.objects.create(text=text)
    raise ValueError('after it was written, outside of any transaction')


@call
def is_connected():
    """Whether a thread has a connection that a call before has left."""
    return {'connected': connection.connection is not None}
