"""gettext.translation(codeset=…) and set_output_charset, which Django's translations call."""

from __future__ import annotations

import gettext
import importlib
from typing import Any

from ..shim import Shim

MODULE = "django.utils.translation.trans_real"


class OldGettext:
    """What Django's trans_real sees as `gettext`: the standard library's, with `codeset` ignored.

    Python 3's catalogs give text; the charset mattered for Python 2's byte strings only.
    """

    def __getattr__(self, name: str) -> Any:
        return getattr(gettext, name)

    def translation(self, *args: Any, codeset: str | None = None, **kwargs: Any) -> Any:
        return gettext.translation(*args, **kwargs)


def needed() -> bool:
    calls = importlib.import_module(MODULE).DjangoTranslation.__init__.__code__.co_names
    return "set_output_charset" in calls and not hasattr(gettext.GNUTranslations, "set_output_charset")


def set_output_charset(self: Any, charset: str) -> None:
    """Nothing to set: see OldGettext."""


def apply(module: Any) -> None:
    module.DjangoTranslation.set_output_charset = set_output_charset
    module.gettext_module = OldGettext()


shim = Shim(
    name="django-gettext-codeset",
    cause="Python 3.11 removed gettext's codeset and set_output_charset; Django 1.11 calls both.",
    source="Django 1.11.29 django/utils/translation/trans_real.py:107,155",
    module=MODULE,
    needed=needed,
    apply=apply,
)
