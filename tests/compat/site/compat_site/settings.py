"""A site as they were in 2017. Nothing here knows of channels_compat."""

import os

BASE_DIR = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SECRET_KEY = "not a secret: this site exists for tests only"
DEBUG = os.environ.get("COMPAT_SITE_DEBUG") == "1"
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
ROOT_URLCONF = "compat_site.urls"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "notes",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("COMPAT_SITE_DATABASE", ":memory:"),
        "OPTIONS": {"timeout": 20},
        # A live server's own processes need a test database that is a file.
        "TEST": {"NAME": os.environ.get("COMPAT_SITE_DATABASE", "") + ".test"},
    }
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "asgi_redis.RedisChannelLayer",
        "CONFIG": {"hosts": [os.environ.get("COMPAT_SITE_REDIS", "redis://127.0.0.1:6379/0")]},
        "TEST_CONFIG": {
            "hosts": [os.environ.get("COMPAT_SITE_REDIS", "redis://127.0.0.1:6379/0")],
            "prefix": "test:",
        },
        "ROUTING": "compat_site.routing.channel_routing",
    }
}
LANGUAGE_CODE = "en-us"
USE_I18N = USE_L10N = USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
MEDIA_ROOT = os.environ.get("COMPAT_SITE_MEDIA", os.path.join(BASE_DIR, "media"))
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
# The cookie storage needs quotes in cookies, which requests, the browser of these tests, drops.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
