"""ALTER TABLE … RENAME of SQLite 3.26, which breaks what Django 1.11's migrations do with tables."""

from __future__ import annotations

import importlib
from typing import Any

from ..shim import Shim

MODULE = "django.db.backends.sqlite3.schema"


def needed() -> bool:
    # Django 2.1.5 and later rebuild a table without renaming the old one away.
    rebuild = importlib.import_module(MODULE).DatabaseSchemaEditor._remake_table.__code__
    renames_away = any("__old" in str(constant) for constant in rebuild.co_consts)
    return renames_away and rename_rewrites_references()


def rename_rewrites_references() -> bool:
    """Whether renaming a table makes the foreign keys of other tables follow it."""
    import sqlite3

    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("CREATE TABLE a (id integer PRIMARY KEY)")
        connection.execute("CREATE TABLE b (a_id integer REFERENCES a (id))")
        connection.execute("ALTER TABLE a RENAME TO a__old")
        (sql,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'b'").fetchone()
    finally:
        connection.close()
    return "a__old" in sql


def apply(module: Any) -> None:
    editor = module.DatabaseSchemaEditor
    enter, leave = editor.__enter__, editor.__exit__

    def pragma(self: Any, value: int | None = None) -> int:
        with self.connection.cursor() as cursor:
            cursor.execute("PRAGMA legacy_alter_table" + ("" if value is None else f" = {value}"))
            return int(cursor.fetchone()[0]) if value is None else value

    def __enter__(self: Any) -> Any:
        self._initial_pragma_rename = pragma(self)
        pragma(self, 1)
        return enter(self)

    def __exit__(self: Any, *exc: Any) -> Any:
        try:
            return leave(self, *exc)
        finally:
            pragma(self, self._initial_pragma_rename)

    editor.__enter__ = __enter__
    editor.__exit__ = __exit__


shim = Shim(
    name="django-sqlite-rename",
    cause="SQLite 3.26 lets foreign keys follow a table that Django 1.11 renames away to rebuild it.",
    source="Django 1.11.29 django/db/backends/sqlite3/schema.py:74-80; Django ticket 29182",
    module=MODULE,
    needed=needed,
    apply=apply,
)
