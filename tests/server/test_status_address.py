"""Where the status server listens: what is no address, what is taken, and who hands it to whom."""

from __future__ import annotations

import contextlib
import os
import pathlib
import socket
from collections.abc import Iterator

import pytest

from server_trio.errors import SettingsError
from server_trio.status.address import (
    Address,
    close,
    handover,
    is_local,
    listen,
    parse_address,
    where,
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("127.0.0.1:9180", Address("127.0.0.1:9180", "127.0.0.1", 9180)),
        ("[::1]:0", Address("[::1]:0", "::1", 0)),
        ("status.internal:80", Address("status.internal:80", "status.internal", 80)),
        ("unix:/run/status", Address("unix:/run/status", path="/run/status")),
    ],
)
def test_addresses(text: str, found: Address) -> None:
    assert parse_address(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "9180", ":9180", "127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:65536", "127.0.0.1:-1",
        "::1:80", "http://127.0.0.1:80", "a b:80", "unix:relative", "unix:", "127.0.0.1:\u0661",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_with_what_would_be_one(text: str) -> None:
    with pytest.raises(SettingsError, match=r"STATUS is .*must be HOST:PORT"):
        parse_address(text)


def test_a_port_that_is_taken_and_a_host_that_is_not_there_are_told_in_a_line() -> None:
    with listen(parse_address("127.0.0.1:0")) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match="another process listens there"):
            listen(parse_address(f"127.0.0.1:{port}"))
    for text in ("203.0.113.7:9180", "no.such.host.invalid:9180", "unix:/no/such/directory/socket"):
        with pytest.raises(SettingsError) as caught:
            listen(parse_address(text))
        assert text in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_dead_unix_socket_is_replaced_a_living_one_and_a_file_are_not(tmp_path: pathlib.Path) -> None:
    address = parse_address(f"unix:{tmp_path}/status")
    listen(address).close()  # as a killed server leaves it
    with listen(address) as living:
        assert is_local(living)
        assert where(living) == address.text
        with pytest.raises(SettingsError, match="another process"):
            listen(address)
        close(address, living)
    assert not os.path.exists(address.path)
    pathlib.Path(address.path).write_text("precious")
    with pytest.raises(SettingsError):
        listen(address)
    assert pathlib.Path(address.path).read_text() == "precious"


@pytest.fixture
def full(tmp_path: pathlib.Path) -> Iterator[str]:
    """A unix socket whose listener accepts none of those that wait."""
    path = f"{tmp_path}/full"
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.socket(socket.AF_UNIX))
        listening.bind(path)
        listening.listen(0)
        with contextlib.suppress(BlockingIOError):
            while True:
                waiting = stack.enter_context(socket.socket(socket.AF_UNIX))
                waiting.setblocking(False)
                waiting.connect(path)
        yield path


def test_a_unix_socket_whose_listener_does_not_accept_is_taken(full: str) -> None:
    with pytest.raises(SettingsError, match="another process listens there, give this one another path"):
        listen(parse_address(f"unix:{full}"))
    assert os.path.exists(full)


def test_a_socket_that_nobody_accepts_at_is_closed_at_once(full: str) -> None:
    close(parse_address(f"unix:{full}"), socket.socket(socket.AF_UNIX))
    assert os.path.exists(full)


def test_a_path_that_is_something_else_is_told_as_what_it_is(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("precious")
    (tmp_path / "dangling").symlink_to("nowhere")
    for path, words in [
        (tmp_path, "it is a directory"),
        (f"{tmp_path}/", "it is a directory"),
        (tmp_path / "file", "it is a file"),
        (tmp_path / "dangling", "it is a link to nowhere, which is not there"),
    ]:
        with pytest.raises(SettingsError, match=words) as caught:
            listen(parse_address(f"unix:{path}"))
        assert "another process" not in str(caught.value)


def test_whoever_closes_a_socket_that_another_process_has_too_leaves_its_file(tmp_path: pathlib.Path) -> None:
    address = parse_address(f"unix:{tmp_path}/status")
    ours = listen(address)
    with ours.dup():
        close(address, ours)
        assert os.path.exists(address.path)


def test_a_handed_over_socket_is_taken_if_the_address_is_still_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address = parse_address("127.0.0.1:0")
    with listen(address) as old:
        given = old.dup()
        monkeypatch.setenv(*next(iter(handover(address, given).items())))
        given.detach()
        # `listen` takes the descriptor for its own, as the successor does that inherits it.
        with listen(address) as taken:
            assert taken.getsockname() == old.getsockname()
            assert not taken.get_inheritable()
        assert "SERVER_TRIO_STATUS" not in os.environ
    monkeypatch.setenv("SERVER_TRIO_STATUS", "999:127.0.0.1:0")  # nobody's descriptor
    listen(address).close()


def test_an_address_for_others_is_not_local() -> None:
    with listen(parse_address("0.0.0.0:0")) as open_to_all:
        assert not is_local(open_to_all)
    with listen(parse_address("127.0.0.1:0")) as closed, socket.create_connection(closed.getsockname()):
        assert is_local(closed)
