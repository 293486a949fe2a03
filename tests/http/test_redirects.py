# ruff: noqa: SIM117 (nested blocks show what lives in what)
"""Following redirects. The rules themselves are channels_async.http_rules' and tested there."""

import pytest
import trio

from server_trio import errors
from server_trio.http.session import Session
from server_trio.limits import HttpLimits
from tests.http.upstream import answer, open_memory_upstream, open_upstream, sending

OK = b"HTTP/1.1 200 OK\r\n"


def redirect(location, status=b"302 Found", body=b""):
    return answer(body, b"Location: " + location, status=status)


async def get(session, url, method="GET", **arguments):
    async with session.stream(method, url, **arguments) as response:
        return response, b"".join([piece async for piece in response])


async def test_a_redirect_is_followed_on_the_same_connection():
    async with open_upstream([redirect(b"../b?x#f", body=b"moved"), answer(b"here")]) as upstream:
        async with Session(HttpLimits()) as session:
            response, body = await get(session, upstream.url("/a/a"))
            assert (response.status, body, response.redirects) == (200, b"here", 1)
            assert response.url == upstream.url("/b?x")
            assert session.statistics().opened == 1


@pytest.mark.parametrize(
    ("status", "method", "then", "body"),
    [
        (b"301 Moved", "POST", b"GET", b""),
        (b"302 Found", "POST", b"GET", b""),
        (b"303 See Other", "POST", b"GET", b""),
        (b"307 Temporary", "POST", b"POST", b"body"),
        (b"308 Permanent", "POST", b"POST", b"body"),
        (b"302 Found", "PUT", b"PUT", b"body"),
        (b"303 See Other", "PUT", b"GET", b""),
        (b"302 Found", "HEAD", b"HEAD", b""),
        (b"303 See Other", "HEAD", b"HEAD", b""),
        (b"308 Permanent", "GET", b"GET", b""),
    ],
)
async def test_method_and_body_after_a_redirect(status, method, then, body):
    arguments = {} if method in ("GET", "HEAD") else {"body": b"body", "headers": [(b"Content-Type", b"x/y")]}
    first = b"HTTP/1.1 " + status + b"\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n"
    async with open_upstream([first, answer()]) as upstream, Session(HttpLimits()) as session:
        await get(session, upstream.url("/a"), method, **arguments)
        again = upstream.requests[1]
        assert (again.method, again.target, again.body) == (then, b"/b", body)
        assert bool(again.all(b"Content-Type")) == bool(body)
        assert again.all(b"Content-Length") == ([b"4"] if body else [])


async def test_a_form_is_sent_again_as_it_was_by_307():
    async with (
        open_upstream([redirect(b"/b", b"307 Temporary"), answer()]) as upstream,
        Session(HttpLimits()) as session,
    ):
        await get(
            session, upstream.url("/a"), "POST", data=[("a", "b")], params=[("q", "1")], cookies=[("c", "d")]
        )
        again = upstream.requests[1]
        assert (again.target, again.body, again.get(b"Cookie")) == (b"/b", b"a=b", b"c=d")
        assert again.get(b"Content-Type") == b"application/x-www-form-urlencoded"


SECRETS = [
    (b"Authorization", b"Bearer x"),
    (b"Cookie", b"a=b"),
    (b"Host", b"virtual.example"),
    (b"X-Kept", b"1"),
]


async def test_credentials_stay_within_the_origin():
    async with open_upstream([redirect(b"/b"), answer()]) as upstream, Session(HttpLimits()) as session:
        await get(session, upstream.url(), headers=SECRETS)
        again = upstream.requests[1]
        assert [again.get(name) for name, _ in SECRETS] == [value for _, value in SECRETS]


async def test_credentials_do_not_go_to_another_origin():
    async with open_upstream([answer()]) as other:
        async with (
            open_upstream([redirect(other.url("/b").encode())]) as upstream,
            Session(HttpLimits()) as session,
        ):
            await get(session, upstream.url(), headers=SECRETS, cookies=[("c", "d")])
        again = other.requests[0]
        assert again.get(b"Host") == b"127.0.0.1:%d" % other.port
        assert again.get(b"X-Kept") == b"1"
        assert again.all(b"Authorization") == again.all(b"Cookie") == []


@pytest.mark.parametrize("how", ["userinfo", "auth"])
async def test_basic_auth_stays_within_the_origin_and_does_not_leave_it(how):
    async with open_upstream([answer()]) as other:
        onward = redirect(other.url("/c").encode())
        async with open_upstream([redirect(b"/b"), onward]) as upstream, Session(HttpLimits()) as session:
            url, arguments = upstream.url(), {"auth": ("u", "p")}
            if how == "userinfo":
                url, arguments = url.replace("//", "//u:p@"), {}
            response, _ = await get(session, url, **arguments)
        assert [request.get(b"Authorization") for request in upstream.requests] == [b"Basic dTpw"] * 2
        assert other.requests[0].all(b"Authorization") == []
        assert "@" not in response.url


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 304 Not Modified\r\nLocation: /b\r\n\r\n",
        answer(b"", status=b"302 Found"),
        answer(b"", status=b"300 Multiple"),
        redirect(b"/b", b"305 Use Proxy"),
        redirect(b"/b", b"201 Created"),
        redirect(b"", b"302 Found"),
    ],
)
async def test_what_is_no_redirect_is_given_to_the_caller(response):
    async with open_upstream([response]) as upstream, Session(HttpLimits()) as session:
        seen, _ = await get(session, upstream.url())
        assert seen.status == int(response[9:12])
        assert seen.redirects == 0


async def test_redirects_are_not_followed_if_the_caller_does_not_want_it():
    async with open_upstream([redirect(b"/b", body=b"see b")]) as upstream, Session(HttpLimits()) as session:
        response, body = await get(session, upstream.url(), follow_redirects=False)
        assert (response.status, body) == (302, b"see b")


async def test_more_redirects_than_allowed_are_an_upstream_error():
    async with open_upstream([redirect(b"/")] * 4) as upstream, Session(HttpLimits()) as session:
        with pytest.raises(errors.UpstreamError, match="more than 3 redirects"):
            await get(session, upstream.url(), max_redirects=3)
        assert len(upstream.requests) == 4
        assert session.statistics().in_use == 0


async def test_as_many_redirects_as_allowed_are_followed():
    async with (
        open_upstream([redirect(b"/")] * 3 + [answer(b"end")]) as upstream,
        Session(HttpLimits()) as session,
    ):
        response, body = await get(session, upstream.url(), max_redirects=3)
        assert (response.redirects, body) == (3, b"end")


@pytest.mark.parametrize(
    "location",
    [b"ftp://x/", b"file:///etc/passwd", b"http://a b/", b"http://h:99999/", b"//[/", b"javascript:x"],
)
async def test_a_redirect_that_cannot_be_followed_is_an_upstream_error(location):
    async with open_upstream([redirect(location)]) as upstream, Session(HttpLimits()) as session:
        with pytest.raises(errors.UpstreamError):
            await get(session, upstream.url())
        assert session.statistics().in_use == 0


@pytest.mark.parametrize("location", ["/é".encode(), "/é".encode("latin-1"), b"/%C3%A9", b"  /%C3%A9 "])
async def test_a_location_of_any_encoding_is_followed(location):
    async with open_upstream([redirect(location), answer()]) as upstream, Session(HttpLimits()) as session:
        await get(session, upstream.url())
        assert upstream.requests[1].target == b"/%C3%A9"


# --- bodies of redirects --------------------------------------------------------------------------


async def test_a_small_body_of_a_redirect_is_read_so_that_the_connection_can_be_used():
    late = sending(b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 5\r\n\r\n", b"mo", b"ved")
    async with open_upstream([late, answer(b"b")]) as upstream, Session(HttpLimits()) as session:
        assert (await get(session, upstream.url()))[1] == b"b"
        assert session.statistics().opened == 1


async def test_a_large_body_of_a_redirect_is_not_read():
    large = redirect(b"/b", body=b"x" * (8 * 1024 * 1024))

    async def offer(peer):
        await peer.read_request()
        with trio.move_on_after(30):
            try:
                await peer.send(large)
            except trio.BrokenResourceError:
                return
        raise AssertionError("all of it was read")

    async with open_upstream([offer], [answer(b"b")]) as upstream, Session(HttpLimits()) as session:
        assert (await get(session, upstream.url()))[1] == b"b"


@pytest.mark.autojump
async def test_a_slow_body_of_a_redirect_is_not_waited_for():
    async def stall_in_the_body(peer):
        await peer.read_request()
        await peer.send(b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 10\r\n\r\nhello")
        await peer.wait_closed()

    async with open_memory_upstream([stall_in_the_body], [answer(b"b")]) as upstream:
        async with Session(HttpLimits(), open_stream=upstream.open_stream) as session:
            started = trio.current_time()
            assert (await get(session, upstream.url()))[1] == b"b"
            assert trio.current_time() - started < 1


@pytest.mark.parametrize(
    "body", [b"Transfer-Encoding: chunked\r\n\r\nzzz\r\n", b"Content-Length: 10\r\n\r\nhello"]
)
async def test_a_broken_body_of_a_redirect_does_not_matter(body):
    head, separator, rest = body.partition(b"\r\n\r\n")
    broken = sending(b"HTTP/1.1 302 Found\r\nLocation: /b\r\n" + head + separator, rest)
    async with open_upstream([broken], [answer(b"b")]) as upstream, Session(HttpLimits()) as session:
        assert (await get(session, upstream.url()))[1] == b"b"


async def test_a_redirect_holds_no_place_while_it_is_followed():
    limits = HttpLimits(connections_per_origin=1)
    async with open_upstream([redirect(b"/b"), answer(b"b")]) as upstream, Session(limits) as session:
        assert (await get(session, upstream.url()))[1] == b"b"
