#!/usr/bin/env python
"""As `django-admin startproject` of Django 1.11 wrote it: nothing in it knows of channels_compat."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "compat_site.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
