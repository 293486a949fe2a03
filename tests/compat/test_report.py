"""`python -m channels_compat`: what is here, what acts, what cannot work."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys

from channels_compat.shims import SHIMS

from .stack import environment

TIMEOUT = 240.0  # seconds; a report takes one


def report(*options, before=None):
    env = environment()
    if before is not None:
        env["PYTHONPATH"] = f"{before}:{env['PYTHONPATH']}"
    return subprocess.run(
        [sys.executable, *options, "-m", "channels_compat"],
        env=env, capture_output=True, text=True, timeout=TIMEOUT,
    )  # fmt: skip


def claim(folder, name, version):
    """Make the folder's sys.path entry say that this distribution is installed."""
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def test_the_report_names_versions_and_every_shim_and_finds_nothing_wrong_here():
    done = report()
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Django          {importlib.metadata.version('Django')}" in done.stdout
    for shim in SHIMS:
        assert f" {shim.name} " in done.stdout
    assert "active     collections-abc" in done.stdout
    assert "active     anyio-trio-multierror" in done.stdout
    assert "nothing that is known of" in done.stdout
    assert done.stderr == ""


def test_the_report_works_where_nothing_is_installed():
    done = report("-S")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Django          -" in done.stdout


def test_a_package_that_cannot_be_imported_is_named_with_its_error(tmp_path):
    (tmp_path / "asks.py").write_text("raise RuntimeError('no good')\n")
    done = report(before=tmp_path)
    assert done.returncode == 1
    assert "import asks: RuntimeError: no good" in done.stdout


def test_versions_that_cannot_work_are_named_with_a_way_out(tmp_path):
    claim(tmp_path, "channels", "2.4.0")
    done = report(before=tmp_path)
    assert done.returncode == 1
    assert "channels 2.4.0 has no channel layers of ASGI 1; use 1.1.5-1.1.8." in done.stdout


def test_redis_2_is_refused_where_python_has_no_wrap_socket(tmp_path):
    claim(tmp_path, "redis", "2.10.6")
    assert ("use redis 5 or later" in report(before=tmp_path).stdout) == (sys.version_info >= (3, 12))


def test_the_report_says_which_of_the_two_msgpacks_is_in_use(tmp_path):
    """pip leaves the one in place that it has installed last; the metadata names both."""
    for name, version in (("msgpack", "99.0"), ("msgpack-python", "0.5.6")):
        claim(tmp_path, name, version)
    done = report(before=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "over msgpack 99.0" in done.stdout
