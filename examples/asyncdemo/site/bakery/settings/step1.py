"""A site without channels, in which who orders waits until everybody has been told."""

from __future__ import unicode_literals

DEBUG = False
SECRET_KEY = 'only for this demo'
ALLOWED_HOSTS = ['127.0.0.1', 'localhost']
INSTALLED_APPS = ['bakery']
ROOT_URLCONF = 'bakery.urls'
MIDDLEWARE = ['django.middleware.common.CommonMiddleware']
TEMPLATES = [{'BACKEND': 'django.template.backends.django.DjangoTemplates', 'APP_DIRS': True}]
