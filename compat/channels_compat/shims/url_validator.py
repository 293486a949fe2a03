"""URLValidator on hosts in brackets, for which urlsplit raises a plain ValueError nowadays."""

from __future__ import annotations

import importlib
from typing import Any

from ..shim import Shim

MODULE = "django.core.validators"
NO_ADDRESS = "http://[::1:2::3]:8080/"


def needed() -> bool:
    module = importlib.import_module(MODULE)
    # The check alone: the error's text would ask for translations, and those for settings.
    validator = module.URLValidator(message="not a URL")
    try:
        validator(NO_ADDRESS)
    except module.ValidationError:
        return False
    except ValueError:
        return True
    return False


def apply(module: Any) -> None:
    original = module.URLValidator.__call__

    def __call__(self: Any, value: Any) -> None:
        try:
            original(self, value)
        except module.ValidationError:
            raise
        except ValueError as error:
            raise module.ValidationError(self.message, code=self.code) from error

    module.URLValidator.__call__ = __call__


shim = Shim(
    name="django-url-validator",
    cause="Since Python 3.11.4 urlsplit raises for a wrong [host]; URLValidator lets that through as a 500.",
    source="Django 1.11.29 django/core/validators.py:142; Django 2.2.28 django/core/validators.py:137",
    module=MODULE,
    needed=needed,
    apply=apply,
)
