"""Responses whose content no middleware may encode: it is not here, or it passes as it came."""

from __future__ import unicode_literals

_SETTLED = ('content-encoding', 'content-length')


class SettledContent(object):
    """Mixed in before a response class of Django.

    Content-Encoding and Content-Length are the upstream's. GZipMiddleware leaves a response alone that
    already has an encoding (middleware/gzip.py:22); if it did not, it would announce one that the
    content does not have, and mark ETags.
    """

    _content_is_settled = False

    def has_header(self, header):
        """True for Content-Encoding: there is, or will be, all the encoding that there should be."""
        if header.lower() == 'content-encoding':
            return True
        return super(SettledContent, self).has_header(header)

    def __setitem__(self, header, value):
        if not (self._content_is_settled and header.lower() in _SETTLED):
            super(SettledContent, self).__setitem__(header, value)

    def __delitem__(self, header):
        if not (self._content_is_settled and header.lower() in _SETTLED):
            super(SettledContent, self).__delitem__(header)
