"""smtplib's keyfile and certfile arguments, which Django's SMTP backend passes."""

from __future__ import annotations

import importlib
import inspect
from typing import TYPE_CHECKING, Any

from ..shim import Shim

if TYPE_CHECKING:
    import ssl  # 20 ms that only a site which sends mail over TLS has to spend

MODULE = "django.core.mail.backends.smtp"


def context_for(keyfile: str | None, certfile: str | None) -> ssl.SSLContext | None:
    """A context with that client certificate, or None for smtplib's own default.

    As smtplib did up to Python 3.11, it does not verify the server: these Djangos never did.
    """
    if not certfile:
        return None
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.load_cert_chain(certfile, keyfile)
    return context


class OldSmtplib:
    """What Django's SMTP backend sees as `smtplib`: its two classes take keyfile and certfile again."""

    def __init__(self, smtplib: Any) -> None:
        self._smtplib = smtplib

        class SMTP(smtplib.SMTP):  # type: ignore[misc]
            def starttls(self, keyfile: Any = None, certfile: Any = None, **kwargs: Any) -> Any:
                kwargs.setdefault("context", context_for(keyfile, certfile))
                return super().starttls(**kwargs)

        class SMTPOverTls(smtplib.SMTP_SSL):  # type: ignore[misc]
            def __init__(self, *args: Any, keyfile: Any = None, certfile: Any = None, **kwargs: Any) -> None:
                kwargs.setdefault("context", context_for(keyfile, certfile))
                super().__init__(*args, **kwargs)

        self.SMTP = SMTP
        self.SMTP_SSL = SMTPOverTls

    def __getattr__(self, name: str) -> Any:
        return getattr(self._smtplib, name)


def needed() -> bool:
    smtplib = importlib.import_module("smtplib")
    if "keyfile" in inspect.signature(smtplib.SMTP.starttls).parameters:
        return False
    open_code = importlib.import_module(MODULE).EmailBackend.open.__code__
    return any("keyfile" in str(constant) for constant in open_code.co_consts)


def apply(module: Any) -> None:
    module.smtplib = OldSmtplib(module.smtplib)


shim = Shim(
    name="django-smtp-keyfile",
    cause="Python 3.12 removed smtplib's keyfile and certfile; Django passes both whenever it uses TLS.",
    source="Django 1.11.29 and 2.2.28 django/core/mail/backends/smtp.py:54-66",
    module=MODULE,
    needed=needed,
    apply=apply,
)
