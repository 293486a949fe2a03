"""What goes out for what the caller asked."""

import pytest
import trio
from asks.multipart import MultipartData
from hypothesis import given
from hypothesis import strategies as st

from server_trio.http.request import Request
from server_trio.http.url import InvalidRequest
from tests.http.upstream import Request as Received

DEFAULTS = [(b"Accept", b"*/*"), (b"Accept-Encoding", b"identity"), (b"User-Agent", b"channels-async")]


async def sent(method="GET", url="http://h/", **arguments):
    """The request as the upstream would get it."""
    request = Request(method, url, **arguments)
    await request.build()
    head, separator, rest = request.head.partition(b"\r\n\r\n")
    assert separator
    assert rest == b""
    assert b"\n\n" not in head
    return Received(head, request.body or b"")


# --- the head -------------------------------------------------------------------------------------


async def test_a_bare_get_has_host_and_the_defaults_and_no_length():
    request = await sent(url="http://example.org:8080/a?b")
    assert (request.method, request.target, request.version) == (b"GET", b"/a?b", b"HTTP/1.1")
    assert request.headers == [(b"Host", b"example.org:8080"), *DEFAULTS]


async def test_without_defaults_only_what_is_given_goes_out():
    request = Request("GET", "http://h/", headers=[(b"X-A", b"1")])
    request.defaults = False
    await request.build()
    assert request.head == b"GET / HTTP/1.1\r\nHost: h\r\nX-A: 1\r\n\r\n"


async def test_headers_go_out_in_order_with_their_case_and_duplicates():
    given_headers = [(b"X-B", b"1"), (b"x-a", b"2"), (b"X-B", b"3"), (b"ACCEPT", b"a/b")]
    request = await sent(headers=given_headers)
    assert request.headers[1:5] == given_headers
    assert request.get(b"accept") == b"a/b"


async def test_header_values_may_be_any_bytes_but_line_breaks_and_nul():
    request = await sent(headers=[(b"X-Name", "é".encode()), (b"X-Latin", b"\xe9\xff"), (b"X-Empty", b"")])
    assert [request.get(name) for name in (b"X-Name", b"X-Latin", b"X-Empty")] == [
        "é".encode(),
        b"\xe9\xff",
        b"",
    ]


@pytest.mark.parametrize(
    "header",
    [
        (b"X", b"a\r\nY: b"),
        (b"X", b"a\nb"),
        (b"X", b"a\rb"),
        (b"X", b"a\0"),
        (b"X\r\nY", b"a"),
        (b"X:", b"a"),
        (b"X Y", b"a"),
        (b"", b"a"),
        (b"X\xe9", b"a"),
        (b"X ", b"a"),
    ],
)
async def test_a_header_that_would_break_out_of_its_line_is_refused(header):
    with pytest.raises(InvalidRequest):
        await sent(headers=[header])


@pytest.mark.parametrize("method", ["", "GET /", "GE\r\nT", "GÉT", "CONNECT", "GET\0"])
async def test_a_method_that_cannot_be_sent_is_refused(method):
    with pytest.raises(InvalidRequest):
        await sent(method=method)


async def test_a_method_of_ones_own_is_sent():
    assert (await sent(method="PROPFIND")).method == b"PROPFIND"


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("body", [None, b""])
async def test_a_method_that_expects_no_content_sends_no_length_without_body(method, body):
    assert (await sent(method=method, body=body)).all(b"Content-Length") == []


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
@pytest.mark.parametrize("body", [None, b""])
async def test_a_method_that_expects_content_sends_length_0_without_body(method, body):
    assert (await sent(method=method, body=body)).get(b"Content-Length") == b"0"


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PROPFIND"])
async def test_a_body_goes_out_as_it_is_with_its_length_in_bytes(method):
    request = await sent(method=method, body="é".encode())
    assert request.get(b"Content-Length") == b"2"
    assert request.all(b"Content-Type") == []
    assert request.body == "é".encode()


@pytest.mark.parametrize(
    "header",
    [
        (b"Content-Length", b"3"),
        (b"content-length", b"0"),
        (b"Transfer-Encoding", b"chunked"),
        (b"TE", b"trailers"),
        (b"Trailer", b"X"),
        (b"Upgrade", b"websocket"),
        (b"Keep-Alive", b"timeout=5"),
        (b"Expect", b"100-continue"),
        (b"Proxy-Connection", b"keep-alive"),
        (b"Connection", b"keep-alive"),
    ],
)
async def test_framing_and_hop_by_hop_headers_of_the_caller_are_not_passed_on(header):
    request = await sent(method="POST", headers=[header, (b"X-Kept", b"1")], body=b"12345")
    assert request.get(b"Content-Length") == b"5"
    assert request.get(b"X-Kept") == b"1"
    assert {name.lower() for name, _ in request.headers} == {
        b"host",
        b"x-kept",
        b"accept",
        b"accept-encoding",
        b"user-agent",
        b"content-length",
    }


@pytest.mark.parametrize("order", [1, -1])
async def test_headers_that_connection_names_are_not_passed_on(order):
    headers = [(b"Connection", b"X-Hop , accept"), (b"x-hop", b"1"), (b"Accept", b"x"), (b"X-Other", b"2")]
    request = await sent(headers=headers[::order])
    assert request.all(b"X-Hop") == []
    assert request.get(b"X-Other") == b"2"
    assert request.get(b"Host") == b"h"


@pytest.mark.parametrize("value", [b"", b",", b"x,,y"])
async def test_a_connection_header_with_empty_members_takes_nothing_with_it(value):
    request = await sent(headers=[(b"Connection", value), (b"X-Kept", b"1")])
    assert (request.method, request.get(b"Host"), request.get(b"X-Kept")) == (b"GET", b"h", b"1")


async def test_connection_cannot_name_away_the_host_or_the_length():
    request = await sent(method="POST", headers=[(b"Connection", b"host, content-length")], body=b"a")
    assert (request.get(b"Host"), request.get(b"Content-Length")) == (b"h", b"1")


async def test_connection_close_is_honoured():
    assert (await sent(headers=[(b"Connection", b"Close")])).get(b"Connection") == b"close"


# --- Host -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://h/", b"h"),
        ("http://h:80/", b"h"),
        ("https://h:443/", b"h"),
        ("http://h:443/", b"h:443"),
        ("http://[::1]:8080/", b"[::1]:8080"),
        ("http://[::1]/", b"[::1]"),
        ("http://user:pw@h:8080/", b"h:8080"),
        ("http://user:pw@h/", b"h"),
        ("http://bücher.example/", b"xn--bcher-kva.example"),
    ],
)
async def test_the_host_header_is_that_of_the_url(url, host):
    assert (await sent(url=url)).get(b"Host") == host


async def test_a_host_header_of_the_caller_is_honoured_and_comes_first():
    request = await sent(headers=[(b"X", b"1"), (b"host", b"virtual.example:81")])
    assert request.headers[0] == (b"Host", b"virtual.example:81")
    assert request.all(b"Host") == [b"virtual.example:81"]


@pytest.mark.parametrize(
    "headers",
    [[(b"Host", b"a b")], [(b"Host", b"a/b")], [(b"Host", b"")], [(b"Host", b"a"), (b"host", b"b")]],
)
async def test_a_host_header_that_is_no_host_or_is_there_twice_is_refused(headers):
    with pytest.raises(InvalidRequest):
        await sent(headers=headers)


# --- authorization --------------------------------------------------------------------------------


async def test_userinfo_becomes_basic_authorization():
    request = await sent(url="http://Aladdin:open%20sesame@h/")
    assert request.get(b"Authorization") == b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="


async def test_userinfo_keeps_its_bytes():
    assert (await sent(url="http://%FF:%C3%A9@h/")).get(b"Authorization") == b"Basic /zrDqQ=="


async def test_auth_wins_over_a_header_and_a_header_over_userinfo():
    url = "http://url:pw@h/"
    header = (b"authorization", b"Bearer token")
    assert (await sent(url=url, headers=[header])).get(b"Authorization") == b"Bearer token"
    both = await sent(url=url, headers=[header], auth=("Aladdin", "open sesame"))
    assert both.get(b"Authorization") == b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="


async def test_auth_is_sent_as_utf8():
    assert (await sent(auth=("é", "ß"))).get(b"Authorization") == b"Basic w6k6w58="


# --- query, cookies -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://h", b"/?a=1&a=%C3%A9+%26&b="),
        ("http://h/p?", b"/p?a=1&a=%C3%A9+%26&b="),
        ("http://h/p?x=%7E", b"/p?x=%7E&a=1&a=%C3%A9+%26&b="),
        ("http://h/p?x&#f", b"/p?x&a=1&a=%C3%A9+%26&b="),
    ],
)
async def test_params_are_added_to_the_query(url, target):
    assert (await sent(url=url, params=[("a", "1"), ("a", "é &"), ("b", "")])).target == target


async def test_no_params_change_nothing():
    assert (await sent(url="http://h/?", params=[])).target == b"/?"


async def test_cookies_become_one_header_together_with_the_callers_own():
    request = await sent(headers=[(b"cookie", b"a=1"), (b"X", b"y")], cookies=[("b", "2"), ("c", "é")])
    assert request.get(b"Cookie") == "a=1; b=2; c=é".encode()


async def test_a_cookie_with_a_line_break_is_refused():
    with pytest.raises(InvalidRequest):
        await sent(cookies=[("a", "1\r\nX: y")])


# --- bodies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data", [[("a", "1 2"), ("b", "é&"), ("a", "~")], (("a", "1 2"), ("b", "é&"), ("a", "~"))]
)
async def test_pairs_become_a_form(data):
    request = await sent(method="POST", data=data)
    assert request.get(b"Content-Type") == b"application/x-www-form-urlencoded"
    assert request.body == b"a=1+2&b=%C3%A9%26&a=~"
    assert request.get(b"Content-Length") == b"%d" % len(request.body)


async def test_a_mapping_becomes_a_form():
    assert (await sent(method="POST", data={"a": "1"})).body == b"a=1"


@pytest.mark.parametrize("data", ["é", "é".encode()])
async def test_text_and_bytes_of_data_go_out_as_they_are_without_a_type(data):
    request = await sent(method="POST", data=data)
    assert request.body == "é".encode()
    assert request.get(b"Content-Length") == b"2"
    assert request.all(b"Content-Type") == []


async def test_json_is_encoded_already():
    request = await sent(method="POST", json='{"a": "é"}'.encode())
    assert request.get(b"Content-Type") == b"application/json"
    assert request.body == '{"a": "é"}'.encode()


async def test_a_content_type_of_the_caller_wins():
    request = await sent(method="POST", json=b"{}", headers=[(b"content-type", b"application/vnd.x+json")])
    assert request.get(b"Content-Type") == b"application/vnd.x+json"


async def test_multipart_holds_every_part_under_a_boundary_that_no_one_can_guess():
    parts = {"text": "é", "raw": b"\0\xff", "file": MultipartData(b"body", "text/plain", "a.txt")}
    request = await sent(method="POST", multipart=parts)
    again = await sent(method="POST", multipart=parts)
    content_type, _, boundary = request.get(b"Content-Type").partition(b"; boundary=")
    assert content_type == b"multipart/form-data"
    assert boundary.isalnum()
    assert again.get(b"Content-Type") != request.get(b"Content-Type")
    pieces = request.body.split(b"--" + boundary)
    assert pieces[0] == b""
    assert pieces[1] == b'\r\nContent-Disposition: form-data; name="text"\r\n\r\n' + "é".encode() + b"\r\n"
    assert pieces[2].endswith(b"\r\n\r\n\0\xff\r\n")
    assert pieces[3] == (
        b'\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n'
        b"Content-Type: text/plain\r\n\r\nbody\r\n"
    )
    assert pieces[4] == b"--\r\n"


async def test_names_in_multipart_cannot_break_out():
    request = await sent(method="POST", multipart={'a"\r\nX: y': MultipartData(b"", None, 'b"\r\nc')})
    assert b'name="a%22%0D%0AX: y"; filename="b%22%0D%0Ac"\r\n\r\n' in request.body


async def test_multipart_opens_no_files(tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    for value in (secret, MultipartData(secret), secret.open("rb")):
        with pytest.raises(InvalidRequest):
            await sent(method="POST", multipart={"a": value})
    assert b"secret" not in (await sent(method="POST", multipart={"a": "x"})).body


@pytest.mark.parametrize(
    "bodies",
    [
        {"body": b"a", "data": "b"},
        {"body": b"", "json": b"1"},
        {"data": "a", "json": b"1"},
        {"json": b"1", "multipart": {"a": "b"}},
        {"data": [("a", "b")], "multipart": {"a": "b"}},
        {"data": "a", "multipart": {"a": "b"}},
    ],
)
async def test_two_bodies_are_refused(bodies):
    with pytest.raises(InvalidRequest):
        await sent(method="POST", **bodies)


# --- whatever comes -------------------------------------------------------------------------------

octets = st.binary(max_size=12)
words = st.text(st.characters(), max_size=12)  # lone surrogates included


@given(
    method=st.one_of(st.sampled_from(["GET", "POST", "HEAD"]), words),
    path=words,
    headers=st.lists(
        st.tuples(st.one_of(st.sampled_from([b"Host", b"Connection", b"X"]), octets), octets), max_size=4
    ),
    cookies=st.one_of(st.none(), st.lists(st.tuples(words, words), max_size=3)),
    params=st.one_of(st.none(), st.lists(st.tuples(words, words), max_size=3)),
    auth=st.one_of(st.none(), st.tuples(words, words)),
    body=st.one_of(
        st.none(), st.fixed_dictionaries({"body": octets}), st.fixed_dictionaries({"data": words})
    ),
)
def test_any_request_is_one_request_on_the_wire_or_refused(
    method, path, headers, cookies, params, auth, body
):
    try:
        request = Request(
            method,
            "http://h/" + path,
            headers=headers,
            cookies=cookies,
            params=params,
            auth=auth,
            **(body or {}),
        )
        trio.run(request.build)
    except InvalidRequest:
        return
    head, _, rest = request.head.partition(b"\r\n\r\n")
    assert rest == b""
    lines = head.split(b"\r\n")
    assert b"\n" not in b"".join(lines)
    assert b"\r" not in b"".join(lines)
    assert b"\0" not in head
    assert lines[0] == b"%s %s HTTP/1.1" % (method.encode(), request.url.target)
    names = [line.partition(b":")[0].lower() for line in lines[1:]]
    assert names.count(b"host") == 1
    assert names.count(b"content-length") == (1 if request.body or method in ("POST", "PUT", "PATCH") else 0)
    assert b"transfer-encoding" not in names
