"""smtplib's keyfile and certfile arguments, which Django's SMTP backend passes."""

from __future__ import annotations

import importlib
import inspect
import smtplib
import ssl
from typing import Any

from ..shim import Shim

MODULE = "django.core.mail.backends.smtp"


def context_for(keyfile: str | None, certfile: str | None) -> ssl.SSLContext | None:
    """A context with that client certificate, or None for smtplib's own default.

    As smtplib did up to Python 3.11, it does not verify the server: these Djangos never did.
    """
    if not certfile:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.load_cert_chain(certfile, keyfile)
    return context


class SMTP(smtplib.SMTP):  # the superclass's arguments differ from Python to Python
    def starttls(  # type: ignore[override]
        self, keyfile: str | None = None, certfile: str | None = None, **kwargs: Any
    ) -> Any:
        kwargs.setdefault("context", context_for(keyfile, certfile))
        return super().starttls(**kwargs)


class SMTP_SSL(smtplib.SMTP_SSL):
    def __init__(
        self, *args: Any, keyfile: str | None = None, certfile: str | None = None, **kwargs: Any
    ) -> None:
        kwargs.setdefault("context", context_for(keyfile, certfile))
        super().__init__(*args, **kwargs)


class OldSmtplib:
    """What Django's SMTP backend sees as `smtplib`."""

    SMTP = SMTP
    SMTP_SSL = SMTP_SSL

    def __getattr__(self, name: str) -> Any:
        return getattr(smtplib, name)


def needed() -> bool:
    if "keyfile" in inspect.signature(smtplib.SMTP.starttls).parameters:
        return False
    open_code = importlib.import_module(MODULE).EmailBackend.open.__code__
    return any("keyfile" in str(constant) for constant in open_code.co_consts)


def apply(module: Any) -> None:
    module.smtplib = OldSmtplib()


shim = Shim(
    name="django-smtp-keyfile",
    cause="Python 3.12 removed smtplib's keyfile and certfile; Django passes both whenever it uses TLS.",
    source="Django 1.11.29 and 2.2.28 django/core/mail/backends/smtp.py:54-66",
    module=MODULE,
    needed=needed,
    apply=apply,
)
