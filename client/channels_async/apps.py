"""channels_async as a Django app: 'channels_async' in INSTALLED_APPS. Sites do without it, too."""

from __future__ import unicode_literals

from django.apps import AppConfig


class ChannelsAsyncConfig(AppConfig):
    """Brings the system checks; Django finds the management commands by itself."""

    name = 'channels_async'
    verbose_name = 'channels_async'

    def ready(self):
        from channels_async import checks

        checks.register_all()
