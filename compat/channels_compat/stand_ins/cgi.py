"""Stand-in for cgi, which Python 3.13 removed: the two functions that channels and Django use.

`pip install legacy-cgi` brings the whole module back, and is then used instead of this one.
"""

from __future__ import annotations

import re

# One parameter: its name, then a quoted string with backslash escapes or anything up to the next ";".
_PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)')
_BOUNDARY = r"[ -~]{0,200}[!-~]"  # RFC 2046 5.1.1: printable, no space at the end; 201 as cgi allowed


def parse_header(line: str) -> tuple[str, dict[str, str]]:
    """A header like Content-Type: ('text/html', {'charset': 'utf-8'}). Names are lower-cased."""
    value, _, _ = line.partition(";")
    parameters: dict[str, str] = {}
    for name, text in _PARAMETER.findall(line[len(value) :]):
        text = text.strip()
        if len(text) >= 2 and text[0] == text[-1] == '"':
            text = re.sub(r'\\([\\"])', r"\1", text[1:-1])
        parameters[name.lower()] = text
    return value.strip(), parameters


def valid_boundary(boundary: str | bytes) -> bool:
    """Whether a multipart boundary, text or bytes, is one by RFC 2046."""
    if isinstance(boundary, bytes):
        return re.fullmatch(_BOUNDARY.encode(), boundary) is not None
    return re.fullmatch(_BOUNDARY, boundary) is not None
