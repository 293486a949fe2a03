"""What runs the documentation would notice if it lied."""

from __future__ import annotations

import pytest

from tests.harness.pages import ALONE, README, Command, Page

from .examples import Project, running

PAGE = """
A page
======

.. code-block:: python

    # myproject/views.py
    def report(request):
        return client.request(request, 'http://backend:8000/status/404')

.. code-block:: python

    # myproject/urls.py
    from django.conf.urls import url

    from myproject import views

    urlpatterns = [url(r'^report/$', views.report)]

.. code-block:: python

    # ask.py
    print('http://localhost:8000')

.. code-block:: console

    $ curl -s -w '%{http_code}\\n' \\
        http://localhost:8000/report/
    status 404
    404
    $ python3 ask.py
    http://localhost:8000
    $ python3 ask.py
    http://somewhere.else
"""


@pytest.mark.parametrize(
    ("said", "printed", "agrees"),
    [
        ("one\ntwo\n", "one\ntwo\n", True),
        ("one\ntwo\n", "one\n", False),
        ("one\n", "one\ntwo\n", False),
        ("", "", True),
        ("", "one\n", False),
        ("{... 7}", '{"id": 7}', True),
        ("one\n...\nthree", "one\n2\n2.5\nthree\n", True),
        ("one\n...\nthree", "one\n2\n", False),
        ("a.c", "abc", False),
    ],
)
def test_what_is_printed_has_to_be_what_the_page_says(said: str, printed: str, agrees: bool) -> None:
    assert Command("$ curl", said).prints(printed) is agrees


def test_the_examples_of_a_page_run_in_the_project_of_the_readme(tmp_path, web_python, upstream) -> None:
    (tmp_path / "page.rst").write_text(PAGE)
    page = Page(tmp_path / "page.rst")
    with running(tmp_path / "project", web_python, upstream, Page(README), page) as project:
        said = [(command.line, command.prints(project.run(command))) for command in page.commands()]
    assert [agrees for _, agrees in said] == [True, True, False]


def test_of_a_page_that_stands_alone_nothing_is_taken_from_elsewhere(tmp_path, web_python, upstream) -> None:
    (tmp_path / "page.rst").write_text(f"{PAGE}\n.. {ALONE}\n")
    Project(tmp_path, web_python, upstream).write("redis://localhost:7/0", Page(tmp_path / "page.rst"))
    assert "def search" not in (tmp_path / "myproject" / "views.py").read_text()
    assert (tmp_path / "myproject" / "urls.py").read_text().count("urlpatterns") == 1
    assert "redis://localhost:7/0" in (tmp_path / "myproject" / "settings.py").read_text()
