"""Bounds on what a message may hold. What exceeds them is a BadMessage, on the server as in the view."""

from __future__ import unicode_literals

MAX_CHUNK = 512 * 1024  # bytes of content in one reply message; channels cuts at this size (handler.py:190)
MAX_FIELDS = 64  # top-level fields of a message
MAX_URL = 64 * 1024  # characters of a URL; more than any server accepts in a request line
MAX_HEADERS = 256  # headers in one list
MAX_HEADER_BYTES = 64 * 1024  # bytes of all names and values of headers in one list
MAX_METHOD = 32  # characters of a method
MAX_REDIRECTS = 100  # that one request may follow
MAX_RETRIES = 10  # of one request
MAX_LENGTH = 2 ** 53  # bytes that a body may be said to have; what every JSON reader still counts in
MAX_DOMAIN = 255  # characters of a cookie's Domain
MAX_NAME = 200  # characters of the name of a function or command
MAX_PARAMETERS = 64  # parameters of a command
MAX_PARAMETER = 8 * 1024  # characters of one parameter

MAX_VALUES = 10000  # values in one field, those inside of others included
MAX_NESTING = 32  # lists and dicts inside each other

# Only for messages of the 2017 client, whose values have to be read; an ordinary one is far below.
MAX_LITERAL = 256 * 1024  # in a message of 2017: characters of the repr of a value, or of the texts in json
MAX_SCALAR = 1024  # in a message of 2017: characters of the repr of a number or bool
MAX_PAIRS = 5000  # in a message of 2017: form fields or query parameters
MAX_COOKIES = 256  # in a message of 2017

MAX_CHANNEL_NAME = 99  # characters of a channel's name (asgiref/base_layer.py:96: fewer than 100)
MAX_ID = 64  # characters of an id
