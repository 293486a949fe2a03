"""Mail bodies with surrogates, which today's email package hands to Django's set_payload."""

from __future__ import annotations

import importlib
from typing import Any

from ..shim import Shim

MODULE = "django.core.mail.message"


def needed() -> bool:
    text = importlib.import_module(MODULE).SafeMIMEText("\u00e4", "plain", "utf-8")
    try:
        text.as_string()
    except UnicodeEncodeError:
        return True
    return False


def apply(module: Any) -> None:
    original = module.SafeMIMEText.set_payload

    def set_payload(self: Any, payload: Any, charset: Any = None) -> None:
        if isinstance(payload, str) and charset == "utf-8":
            # Surrogates stand for the bytes of text that was encoded already: make it text again.
            payload = payload.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        original(self, payload, charset)

    module.SafeMIMEText.set_payload = set_payload


shim = Shim(
    name="django-mail-surrogates",
    cause="Python 3.13 keeps encoded mail bodies as surrogates; Django fails on one that is not ASCII.",
    source="Django 1.11.29 django/core/mail/message.py:223; Django 2.2.28 django/core/mail/message.py:190",
    module=MODULE,
    needed=needed,
    apply=apply,
)
