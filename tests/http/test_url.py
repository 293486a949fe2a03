"""Which origin and which target a URL means."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server_trio.http.url import InvalidRequest, Origin, parse_url

any_text = st.text(st.characters())  # lone surrogates included


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://h", b"/"),
        ("http://h/", b"/"),
        ("http://h?q", b"/?q"),
        ("http://h/a?", b"/a?"),
        ("http://h/a#fragment?no", b"/a"),
        ("http://h/%7E~%41", b"/%7E~%41"),
        ("http://h/%2F/%2f", b"/%2F/%2f"),
        ("http://h/100%", b"/100%25"),
        ("http://h/%zz%4", b"/%25zz%254"),
        ("http://h/a%20b c", b"/a%20b%20c"),
        ("http://h/é?ü=ß", b"/%C3%A9?%C3%BC=%C3%9F"),
        ("http://h/a;b=1,2/../c", b"/a;b=1,2/../c"),
        ("http://h//double//", b"//double//"),
        ("http://h/?a[]=1&b=x:y@z/?", b"/?a[]=1&b=x:y@z/?"),
        ('http://h/<"{|}^`\\>', b"/%3C%22%7B%7C%7D%5E%60%5C%3E"),
        ("http://h/a\r\nX:\ty\0", b"/a%0D%0AX:%09y%00"),
        ("  http://h/a \n", b"/a"),
    ],
)
def test_the_target_is_the_urls_own_with_only_illegal_characters_encoded(url, target):
    assert parse_url(url).target == target


@pytest.mark.parametrize(
    ("url", "origin", "netloc"),
    [
        ("http://Example.ORG/", Origin("http", "example.org", 80), "example.org"),
        ("HTTP://h:80/", Origin("http", "h", 80), "h"),
        ("https://h:443/", Origin("https", "h", 443), "h"),
        ("https://h:80/", Origin("https", "h", 80), "h:80"),
        ("http://h:/", Origin("http", "h", 80), "h"),
        ("http://h:08080/", Origin("http", "h", 8080), "h:8080"),
        ("http://[::1]:8080/", Origin("http", "::1", 8080), "[::1]:8080"),
        ("https://[2001:DB8:0::1]/", Origin("https", "2001:db8::1", 443), "[2001:db8::1]"),
        ("http://[fe80::1%25eth0]/", Origin("http", "fe80::1%eth0", 80), "[fe80::1]"),
        ("http://bücher.example/", Origin("http", "xn--bcher-kva.example", 80), "xn--bcher-kva.example"),
        ("http://faß.de/", Origin("http", "xn--fa-hia.de", 80), "xn--fa-hia.de"),
        ("http://under_score.example./", Origin("http", "under_score.example.", 80), "under_score.example."),
        ("http://user:pw@h:8080/", Origin("http", "h", 8080), "h:8080"),
        ("http://a@b@h/", Origin("http", "h", 80), "h"),
    ],
)
def test_the_origin_is_normalised_and_makes_the_host_header(url, origin, netloc):
    parsed = parse_url(url)
    assert parsed.origin == origin
    assert parsed.origin.netloc == netloc


@pytest.mark.parametrize(
    ("url", "userinfo"),
    [
        ("http://h/", None),
        ("http://user:pw@h/", (b"user", b"pw")),
        ("http://user@h/", (b"user", b"")),
        ("http://us%65r:p%40w:x@h/", (b"user", b"p@w:x")),
        ("http://:pw@h/", (b"", b"pw")),
        ("http://é:%FF@h/", ("é".encode(), b"\xff")),
    ],
)
def test_userinfo_is_decoded(url, userinfo):
    assert parse_url(url).userinfo == userinfo


def test_the_text_of_a_url_has_neither_userinfo_nor_fragment():
    assert parse_url("http://user:secret@h:81/a b?c#d").text == "http://h:81/a%20b?c"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/path",
        "//h/path",
        "h",
        "http:",
        "http:/h",
        "http://",
        "http:///path",
        "http://:80/",
        "http://user@/",
        "ftp://h/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "unix:///run/x.sock",
        "gopher://h:70/_x",
        "http://h:x/",
        "http://h:-1/",
        "http://h:0/",
        "http://h:65536/",
        "http://h:80:80/",
        "http://h:٣/",
        "http://[::1/",
        "http://::1/",
        "http://[::g]/",
        "http://[]/",
        "http://[::1]x/",
        "http://[fe80::1%25]/",
        "http://a b/",
        "http://a\r\nb/",
        "http://a%2eb/",
        "http://a,b/",
        "http://good\\@evil/",
        "http://h\\/",
        "http://\ud800/",
        "http://h/\ud800",
        "http://\ud800@h/",
        "http://xn--\u0378/",
    ],
)
def test_what_is_no_http_url_is_refused(url):
    with pytest.raises(InvalidRequest):
        parse_url(url)


def test_a_refusal_does_not_show_userinfo():
    for url in ("http://user:secret@h:99999/", "http://user:secret@/", "ftp://user:secret@h/"):
        with pytest.raises(InvalidRequest) as refused:
            parse_url(url)
        assert "secret" not in str(refused.value)


@given(any_text)
def test_any_target_ends_up_as_one_printable_ascii_word(text):
    try:
        target = parse_url("http://h/" + text).target
    except InvalidRequest:
        assert any("\ud800" <= character <= "\udfff" for character in text)
    else:
        assert target.startswith(b"/")
        assert all(0x21 <= byte <= 0x7E for byte in target)


@given(any_text)
def test_encoding_a_target_twice_changes_nothing_more(text):
    try:
        once = parse_url("http://h/" + text).text
    except InvalidRequest:
        return
    assert parse_url(once).text == once


@given(
    st.text("ab.:@/?#%2Fé \\[]~-_|\n", max_size=30),
    st.sampled_from(["http://", "https://"]),
    st.sampled_from(["h", "H.example:80", "[::1]", "1.2.3.4:8080", "u:p@h", ""]),
)
def test_the_short_way_for_plain_urls_reads_them_as_the_long_way_does(rest, scheme, authority):
    assert outcome_of(scheme + authority + rest) == outcome_of(scheme.upper() + authority + rest)


def outcome_of(url):
    try:
        return parse_url(url)
    except InvalidRequest as refused:
        return str(refused)


@given(any_text)
def test_any_text_is_a_url_or_an_invalid_request(text):
    with contextlib.suppress(InvalidRequest):
        parse_url(text)


@given(any_text.filter(bool))
def test_any_authority_gives_a_host_that_can_stand_in_a_header_or_is_refused(text):
    try:
        origin = parse_url(f"http://{text}").origin
    except InvalidRequest:
        return
    assert origin.netloc.isascii()
    assert not set(origin.netloc) & set(" \r\n\t\0/\\@?#,;")


def test_short_origins_are_kept_and_long_ones_are_not() -> None:
    for name in ("short", "long" * 100):
        first, second = (parse_url(f"http://user@{name}.example:8000/").origin for _ in range(2))
        assert first == second
        assert (first is second) is (name == "short")
