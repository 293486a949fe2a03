"""Bounds on what a message may hold. What exceeds them is a BadMessage, on the server as in the view."""

from __future__ import unicode_literals

MAX_CHUNK = 512 * 1024  # bytes of content in one reply message; channels cuts at this size (handler.py:190)
MAX_FIELDS = 64  # top-level fields of a message
MAX_URL = 64 * 1024  # characters; more than any server accepts in a request line
MAX_HEADERS = 256  # pairs in one list
MAX_HEADER_BYTES = 64 * 1024  # bytes of all names and values in one list
MAX_METHOD = 32  # characters
MAX_REDIRECTS = 100
MAX_PAIRS = 10000  # form fields, query parameters, cookies of a 2017 message
MAX_NESTING = 32  # lists and dicts inside each other, in the repr of a 2017 value
MAX_LITERAL = 4 * 1024 * 1024  # characters of such a repr
MAX_CHANNEL_NAME = 99  # characters (asgiref/base_layer.py:96: fewer than 100)
MAX_ID = 64  # characters
