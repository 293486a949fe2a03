from __future__ import unicode_literals

from django.db import models


class Note(models.Model):
    text = models.CharField(max_length=100)

    class Meta:
        app_label = 'acceptance_site'
