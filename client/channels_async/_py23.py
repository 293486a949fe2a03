"""The one place that knows whether this is Python 2 or 3.

Everything else uses these names: `text` and `bytes` mean the same on both.
"""

from __future__ import unicode_literals

import os
import re
import signal
import sys
import time

PY2 = sys.version_info[0] == 2

if PY2:  # pragma: no cover - one branch runs per interpreter
    import imp
    from urllib import quote as _quote
    from urllib import unquote as _unquote

    from urlparse import parse_qsl as _parse_qsl
    from urlparse import urljoin as _urljoin
    from urlparse import urlsplit, urlunsplit  # for others too

    text = unicode  # noqa: F821
    monotonic = time.time  # there is no better; callers bound their waiting by its sum as well
    integers = (int, long)  # noqa: F821

    def native(value):
        """Text or bytes as str, by latin-1; ValueError for text beyond it."""
        return value if isinstance(value, bytes) else value.encode('latin-1')

    def quote(value, safe):
        """Percent-encode `value` (text) as UTF-8, except ASCII letters, digits, `_.-` and `safe`."""
        return _quote(value.encode('utf-8'), safe=safe.encode('ascii')).decode('ascii')

    def unquote(value):
        """Percent-decode `value` (text); what is not UTF-8 becomes U+FFFD."""
        return _unquote(value.encode('utf-8')).decode('utf-8', 'replace')

    def parse_query(query):
        """The (name, value) pairs of text pairs in a query string, blanks kept."""
        pairs = _parse_qsl(query.encode('utf-8'), keep_blank_values=True)
        return [(name.decode('utf-8', 'replace'), value.decode('utf-8', 'replace')) for name, value in pairs]

    def urljoin(base, reference):
        """RFC 3986 section 5 resolution; Python 2 alone keeps `..` segments that climb above the root."""
        scheme, netloc, path, query, fragment = urlsplit(_urljoin(base, reference))
        while path.startswith('/../'):
            path = path[3:]
        if path == '/..':
            path = '/'
        return urlunsplit((scheme, netloc, path, query, fragment))

    def full_matcher(pattern):
        """Tells of a text whether all of it matches, classes such as \\d meaning ASCII. Raises re.error."""
        re.compile(pattern)  # by itself, before it is put between others
        return re.compile('(?:' + pattern + r')\Z').match

    def is_installed(module):
        """Whether there is a top-level module of that name; it is not imported."""
        try:
            imp.find_module(module)
        except ImportError:
            return False
        return True

    def session_options(prepare):
        """Arguments for subprocess.Popen: a session of its own, usual signals, `prepare` (or None) called."""

        def begin():
            os.setsid()
            # Python 2 leaves what Python itself ignores ignored.
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            if prepare is not None:
                prepare()

        return {'preexec_fn': begin}

else:
    from importlib.util import find_spec
    from urllib.parse import parse_qsl as _parse_qsl
    from urllib.parse import quote as _quote
    from urllib.parse import unquote as _unquote
    from urllib.parse import urljoin, urlsplit, urlunsplit  # noqa: F401 - for others

    text = str
    monotonic = time.monotonic
    integers = (int,)

    def native(value):
        """Text or bytes as str, by latin-1."""
        return value.decode('latin-1') if isinstance(value, bytes) else value

    def quote(value, safe):
        """Percent-encode `value` (text) as UTF-8, except ASCII letters, digits, `_.-` and `safe`."""
        return _quote(value, safe=safe, errors='replace')

    def unquote(value):
        """Percent-decode `value` (text); what is not UTF-8 becomes U+FFFD."""
        return _unquote(value)

    def parse_query(query):
        """The (name, value) pairs of text pairs in a query string, blanks kept."""
        return _parse_qsl(query, keep_blank_values=True)

    def full_matcher(pattern):
        """Tells of a text whether all of it matches, classes such as \\d meaning ASCII. Raises re.error."""
        return re.compile(pattern, re.ASCII).fullmatch

    def is_installed(module):
        """Whether there is a top-level module of that name; it is not imported."""
        return find_spec(module) is not None

    def session_options(prepare):
        """Arguments for subprocess.Popen: a session of its own, usual signals, `prepare` (or None) called."""
        return {'start_new_session': True, 'preexec_fn': prepare}
