"""The stand-ins agree with the modules whose place they take, on every Python that still has those."""

from __future__ import annotations

import importlib
import sys
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_compat.stand_ins import cgi as our_cgi
from channels_compat.stand_ins.distutils import version as our_version

TOKEN = st.text("abcXYZ019-_/+.", min_size=1, max_size=8)
# Not a backslash before a quote: cgi took the end of "x\\\\" for an escaped quote, and read on.
QUOTED = st.from_regex(r'([ab ;=,"\u00e4]|\\[ab ;=,])*', fullmatch=True).map(
    lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
)
PARAMETERS = st.lists(st.tuples(TOKEN, st.one_of(TOKEN, QUOTED)), max_size=4)
SPACE = st.sampled_from(["", " ", "  "])
VERSION = st.from_regex(r"[0-9]{1,3}\.[0-9]{1,2}(\.[0-9]{1,2})?([ab][0-9])?", fullmatch=True).filter(
    str.isascii
)


@pytest.fixture(scope="module")
def old_cgi():
    if sys.version_info >= (3, 13):
        pytest.skip("Python 3.13 has no cgi to compare with")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("cgi")


@pytest.fixture(scope="module")
def old_version():
    if sys.version_info >= (3, 12):
        pytest.skip("Python 3.12 has no distutils to compare with")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("distutils.version")


@given(value=TOKEN, parameters=PARAMETERS, space=SPACE)
def test_headers_are_parsed_as_cgi_parsed_them(old_cgi, value, parameters, space):
    line = value + "".join(f"{space};{space}{name}={text}" for name, text in parameters)
    assert our_cgi.parse_header(line) == old_cgi.parse_header(line)


@given(st.binary(max_size=8) | st.text(max_size=8) | st.text(st.characters(max_codepoint=126), max_size=210))
def test_boundaries_are_judged_as_cgi_judged_them(old_cgi, boundary):
    newline = b"\n" if isinstance(boundary, bytes) else "\n"
    if not boundary.endswith(newline):  # which cgi let through, and no boundary has
        assert our_cgi.valid_boundary(boundary) == bool(old_cgi.valid_boundary(boundary))


@pytest.mark.parametrize(
    ("line", "parsed"),
    [
        ("text/html", ("text/html", {})),
        ("text/html; Charset=UTF-8", ("text/html", {"charset": "UTF-8"})),
        (
            'form-data; name="a;b"; filename="x\\"y\\\\z"',
            ("form-data", {"name": "a;b", "filename": 'x"y\\z'}),
        ),
        ("text/plain; broken; a=1;", ("text/plain", {"a": "1"})),
        ("", ("", {})),
    ],
)
def test_headers_as_browsers_send_them(line, parsed):
    assert our_cgi.parse_header(line) == parsed


def test_a_boundary_is_printable_and_ends_with_no_space():
    assert our_cgi.valid_boundary(b"----WebKitFormBoundary7MA4YWxkTrZu0gW")
    assert our_cgi.valid_boundary("a b")
    assert not our_cgi.valid_boundary("ends ")
    assert not our_cgi.valid_boundary(b"line\n")
    assert not our_cgi.valid_boundary("x" * 202)
    assert not our_cgi.valid_boundary("")


@given(one=VERSION, two=VERSION, name=st.sampled_from(["StrictVersion", "LooseVersion"]))
def test_versions_compare_as_distutils_compared_them(old_version, one, two, name):
    ours, old = getattr(our_version, name), getattr(old_version, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            expected = (old(one) < old(two), old(one) == two, old(one) >= old(two))
        except TypeError:  # a number beside a letter
            with pytest.raises(TypeError):
                ours(one) < ours(two)  # noqa: B015
        else:
            assert (ours(one) < ours(two), ours(one) == two, ours(one) >= ours(two)) == expected


def test_versions_are_ordered_as_channels_needs_it():
    strict = our_version.StrictVersion
    assert strict("1.2.0") > strict("1.1.9")
    assert strict("1.10") > strict("1.9.9")
    assert strict("1.0a1") < strict("1.0b1") < strict("1.0")
    assert strict("1.2") == strict("1.2.0")
    assert strict("1.2") == "1.2.0"
    assert strict("1.2") != 12
    with pytest.raises(ValueError, match="invalid version number 'x'"):
        strict("x")
    assert our_version.LooseVersion("1.11.dev9") < our_version.LooseVersion("1.12")
