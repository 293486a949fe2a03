"""Django 1.11.29, channels 1.1.5, daphne 1.4.2 and asgi_redis 1.4.2, stock, serve a site on this Python."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
import requests
import websocket

from tests.harness.redis_server import free_port

from .stack import SITE, Site, serving

TIMEOUT = 100.0  # seconds for any one answer; daphne gives up after 120


@pytest.fixture(scope="module")
def site(shared_redis, tmp_path_factory):
    with serving(tmp_path_factory.mktemp("site"), shared_redis.url, "--force-sync") as site:
        yield site


@pytest.fixture(scope="module")
def author(site):
    site.manage("shell", "-c", "from notes.models import Author; Author.objects.create(name='jane austen')")


@pytest.fixture
def browser():
    with requests.Session() as session:
        yield session


@pytest.fixture
def admin(site, browser):
    """A browser that is logged in to the admin."""
    browser.get(site.url + "/admin/login/", timeout=TIMEOUT)
    answer = post(browser, site.url + "/admin/login/?next=/admin/", username="anna", password="correct horse")
    assert "Site administration" in answer.text, answer.text
    return browser


def post(browser, url, files=None, **fields):
    """POST a form with the CSRF token of the browser's cookie."""
    fields["csrfmiddlewaretoken"] = browser.cookies["csrftoken"]
    return browser.post(url, data=fields, files=files, timeout=TIMEOUT)


def connect(site, browser=None):
    cookie = "; ".join(f"{c.name}={c.value}" for c in browser.cookies) if browser else None
    return websocket.create_connection(site.url.replace("http", "ws") + "/", timeout=TIMEOUT, cookie=cookie)


def test_a_template_is_rendered_and_the_session_counts_its_visits(site, author, browser):
    for visits in (1, 2, 3):
        answer = browser.get(site.url + "/", timeout=TIMEOUT)
        assert answer.status_code == 200, answer.text
        assert f"visits: {visits}" in answer.text
    assert "<title>Home</title>" in answer.text
    assert browser.cookies["last"].strip('"') in ("a b;c", "a b\\073c")


def test_a_page_is_translated_to_the_browsers_language(site):
    answer = requests.get(site.url + "/", headers={"Accept-Language": "de"}, timeout=TIMEOUT)
    assert "<title>Start</title>" in answer.text
    assert answer.headers["Content-Language"] == "de"


def test_a_form_writes_a_row_that_refers_to_a_table_which_a_migration_has_rebuilt(site, author, browser):
    browser.get(site.url + "/", timeout=TIMEOUT)
    answer = post(browser, site.url + "/", author="jane austen", text="It is a truth\nuniversally")
    assert answer.history[0].status_code == 302
    assert re.search(r"It is a truth<br ?/?>universally 5 ", answer.text), answer.text
    assert "Jane Austen" in answer.text


def test_a_form_without_csrf_token_is_refused(site, author):
    answer = requests.post(site.url + "/", data={"author": "jane austen", "text": "x"}, timeout=TIMEOUT)
    assert answer.status_code == 403


def test_uploads_arrive_from_memory_and_from_disk(site, browser):
    browser.get(site.url + "/upload/", timeout=TIMEOUT)
    answer = post(
        browser,
        site.url + "/upload/",
        files={"small": ("kl\u00e9in.txt", b"abcdef"), "large": ("large.bin", b"wxyz" * (1 << 20))},
        field="\u00e4",
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["files"] == {
        "small": ["kl\u00e9in.txt", 6, "abcd"],
        "large": ["large.bin", 4 << 20, "wxyz"],
    }
    assert answer.json()["fields"]["field"] == "\u00e4"


def test_a_streaming_response_arrives_whole(site):
    answer = requests.get(site.url + "/stream/", timeout=TIMEOUT)
    assert answer.text == "part 0\npart 1\npart 2\n"


def test_a_broken_view_shows_djangos_debug_page_and_the_worker_lives(site):
    answer = requests.get(site.url + "/broken/", timeout=TIMEOUT)
    assert answer.status_code == 500
    assert "this view is broken on purpose" in answer.text
    assert "Traceback" in answer.text
    assert requests.get(site.url + "/stream/", timeout=TIMEOUT).status_code == 200


def test_the_admin_refuses_a_wrong_password(site, browser):
    browser.get(site.url + "/admin/login/", timeout=TIMEOUT)
    answer = post(browser, site.url + "/admin/login/", username="anna", password="wrong")
    assert "Please enter the correct username and password" in answer.text


def test_a_row_is_added_changed_found_and_deleted_in_the_admin(site, admin):
    inline = {
        "note_set-TOTAL_FORMS": "1", "note_set-INITIAL_FORMS": "0", "note_set-MIN_NUM_FORMS": "0",
        "note_set-MAX_NUM_FORMS": "1000",
    }  # fmt: skip
    url = site.url + "/admin/notes/author/"
    admin.get(url + "add/", timeout=TIMEOUT)
    added = post(admin, url + "add/", name="emily", born="1818-07-30", _continue="1",
                 **{**inline, "note_set-0-text": "Wuthering", "note_set-0-price": "3.50"})  # fmt: skip
    assert "was added successfully" in added.text, added.text
    changed = post(admin, added.url, name="Emily Bronte", born="1818-07-30",
                   **{**inline, "note_set-TOTAL_FORMS": "0"})  # fmt: skip
    assert "was changed successfully" in changed.text, changed.text
    assert "Emily Bronte" in admin.get(url + "?q=emily", timeout=TIMEOUT).text
    history = admin.get(added.url.replace("change", "history"), timeout=TIMEOUT).text
    assert "Changed name." in history, history
    deleted = post(admin, added.url.replace("change", "delete"), post="yes")
    assert "was deleted successfully" in deleted.text, deleted.text


def test_the_change_list_filters_searches_and_shows_dates(site, author, admin):
    site.manage(
        "shell", "-c",
        "from notes.models import *;"
        "n = Note.objects.create(author=Author.objects.first(), text='filtered', price='2.5');"
        "n.tags.add(Tag.objects.create(word='novel'))",
    )  # fmt: skip
    url = site.url + "/admin/notes/note/?tags__id__exact=1&q=filtered"
    answer = admin.get(url, timeout=TIMEOUT)
    assert answer.status_code == 200, answer.text
    assert "1 note" in answer.text
    assert "2.50" in answer.text


def test_a_websocket_echoes_text_and_bytes(site):
    socket = connect(site)
    socket.send("h\u00e9llo")
    assert socket.recv() == "echo h\u00e9llo"
    socket.send_binary(b"\x00\xff")
    assert socket.recv() == b"\x00\xff"
    socket.close()


def test_a_group_reaches_every_websocket(site):
    one, two = connect(site), connect(site)
    for socket in (one, two):
        socket.send("here")  # its answer says that the connect consumer has run
        assert socket.recv() == "echo here"
    one.send("all of you")
    assert [one.recv(), two.recv()] == ["of you", "of you"]
    one.close()
    two.close()


def test_a_websocket_knows_the_user_of_its_session(site, admin):
    socket = connect(site, admin)
    socket.send("who")
    assert socket.recv() == "anna"
    socket.close()


def test_the_migrations_say_what_the_models_say(site):
    assert "No changes detected" in site.manage("makemigrations", "--check", "--dry-run")
    assert "AddField" not in site.manage("sqlmigrate", "notes", "0002")


def test_migrations_go_back_to_nothing_and_forth_again(shared_redis, tmp_path):
    site = Site(tmp_path, shared_redis.url)
    site.manage("migrate", "--noinput")
    assert "Unapplying notes.0002_longer_names... OK" in site.manage("migrate", "notes", "zero")
    assert "Applying notes.0002_longer_names... OK" in site.manage("migrate", "notes")


def test_a_migration_is_written_for_a_model_without_one(shared_redis, tmp_path):
    """As makemigrations does for a new project: into a package that is not the site's own."""
    site = Site(tmp_path, shared_redis.url)
    (tmp_path / "written").mkdir()
    (tmp_path / "written" / "__init__.py").touch()
    site.environment["PYTHONPATH"] += f":{tmp_path}"
    code = (
        "from django.conf import settings; settings.MIGRATION_MODULES = {'notes': 'written'};"
        "from django.core.management import call_command; call_command('makemigrations', 'notes')"
    )
    assert "Create model Note" in site.manage("shell", "-c", code)
    assert "migrations.CreateModel" in (tmp_path / "written" / "0001_initial.py").read_text()


def test_the_sites_own_tests_pass(shared_redis, tmp_path):
    """Django's test client, channels' WSClient and a live server with processes of its own."""
    said = Site(tmp_path, shared_redis.url).manage("test", "-v", "1")
    assert "\nOK" in said, said


def test_daphne_serves_in_twisted_mode(shared_redis, tmp_path):
    """With txredisapi installed daphne reads its replies through it, unless told --force-sync."""
    pytest.importorskip("txredisapi")
    with serving(tmp_path, shared_redis.url) as site:
        assert "visits: 1" in requests.get(site.url + "/", timeout=TIMEOUT).text
        socket = connect(site)
        socket.send("x")
        assert socket.recv() == "echo x"
        socket.close()


def test_runserver_restarts_itself_with_the_shims_and_serves_static_files(shared_redis, tmp_path):
    site = Site(tmp_path, shared_redis.url)
    site.manage("migrate", "--noinput")
    site.port = free_port()
    try:
        site.start("runserver", "manage.py", "runserver", f"127.0.0.1:{site.port}")
        site.wait_until_it_answers()
        assert "visits: 1" in requests.get(site.url + "/", timeout=TIMEOUT).text
        style = requests.get(site.url + "/static/admin/css/base.css", timeout=TIMEOUT)
        assert style.status_code == 200
        assert "text/css" in style.headers["Content-Type"]
    finally:
        site.stop()


def test_a_site_that_installs_the_shims_itself_needs_no_runner(shared_redis, tmp_path):
    site = Site(tmp_path, shared_redis.url)
    code = "import channels_compat; channels_compat.install(); exec(open('manage.py').read())"
    done = subprocess.run(
        [sys.executable, "-c", code, "check"],
        cwd=SITE, env=site.environment, timeout=TIMEOUT, text=True, capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout
