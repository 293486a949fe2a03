from __future__ import unicode_literals

from django.db import models


class Note(models.Model):
    text = models.CharField(max_length=100)

    class Meta:
        app_label = 'acceptance_site'


class Result(models.Model):
    """A piece of an answer, as the consumer of it got it."""

    operation = models.CharField(max_length=64)
    index = models.IntegerField()
    status = models.IntegerField()
    size = models.IntegerField()
    begin = models.TextField()
    is_last = models.BooleanField()
    error = models.TextField()

    class Meta:
        app_label = 'acceptance_site'
