"""Middleware that sets a session cookie and a header, on offloaded pages as on any other."""

from __future__ import unicode_literals

try:
    from django.utils.deprecation import MiddlewareMixin
except ImportError:  # Django < 1.10 knows only this style
    MiddlewareMixin = object


class VisitsMiddleware(MiddlewareMixin):
    """Counts the pages that a browser has asked for, in its session."""

    def process_response(self, request, response):
        request.session['visits'] = request.session.get('visits', 0) + 1
        response['X-Visits'] = str(request.session['visits'])
        return response
