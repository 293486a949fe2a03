"""How Sphinx makes HTML of these pages: python3 noxfile.py -s docs

The pages are plain reStructuredText, so that they can be read on a code host as well. What is different
from other projects of Sphinx follows from that: a link names the other page's file, as a code host
wants it, and is led to the other page's HTML here.
"""

from __future__ import annotations

import pathlib
import posixpath
import re
from typing import Any
from urllib.parse import urlsplit

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.errors import SphinxError
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

HERE = pathlib.Path(__file__).resolve().parent
VERSION = re.search(
    r"^__version__ = '(.+)'", (HERE.parent / "client/channels_async/__init__.py").read_text(), re.MULTILINE
)

project = "channels_async"
author = "the channels_async contributors"
copyright = author
release = VERSION[1] if VERSION else ""
html_theme = "furo"
html_title = f"channels_async {release}"
html_show_sourcelink = False
html_copy_source = False
exclude_patterns = ["deploy/*"]
highlight_language = "text"  # of literal blocks; code blocks name theirs
smartquotes = False  # `--flag` is no dash

#: What a browser would fetch from somebody else's server when it shows a page.
FETCHED = re.compile(r"<(?:script|img|iframe)[^>]* src=\"(?:https?:)?//|<link[^>]* href=\"(?:https?:)?//")

logger = logging.getLogger(__name__)


class LinkedFiles(SphinxTransform):
    """A link to a file of the repository that is no page becomes a download; one to a folder becomes text."""

    default_priority = 800

    def apply(self, **kwargs: Any) -> None:
        for node in list(self.document.findall(nodes.reference)):
            path = _relative(node)
            if not path or _page(self.env.docname, path) in self.env.found_docs:
                continue
            if (HERE / posixpath.dirname(self.env.docname) / path).is_file():
                download = addnodes.download_reference("", "", reftarget=path, refdoc=self.env.docname)
                node.replace_self(download)
                download += nodes.literal(text=node.astext())
            else:
                node.replace_self(nodes.inline("", "", *node.children))


def lead_to_pages(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """A link to `page.rst` leads to that page's HTML."""
    for node in doctree.findall(nodes.reference):
        path = _relative(node)
        if not path or node.get("internal"):
            continue
        target = _page(docname, path)
        if target not in app.env.found_docs:
            logger.warning("no such page: %s", node["refuri"], location=node)
            continue
        fragment = urlsplit(node["refuri"]).fragment
        node["refuri"] = app.builder.get_relative_uri(docname, target) + (f"#{fragment}" if fragment else "")
        node["internal"] = True


def _relative(node: nodes.reference) -> str:
    """The path of a link within the repository, else ''."""
    url = urlsplit(node.get("refuri", ""))
    return "" if url.scheme or url.netloc else url.path


def _page(docname: str, path: str) -> str:
    """The page that `path`, seen from the page `docname`, would be."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(docname), path)).removesuffix(".rst")


def check_self_contained(app: Sphinx, error: Exception | None) -> None:
    """Raises SphinxError for a page that fetches from a network, which the reader may not have."""
    for file in pathlib.Path(app.outdir).rglob("*.html"):
        if found := FETCHED.search(file.read_text()):
            raise SphinxError(f"{file.name} fetches from elsewhere: {found[0]}")


def setup(app: Sphinx) -> None:
    app.add_transform(LinkedFiles)
    app.connect("doctree-resolved", lead_to_pages)
    app.connect("build-finished", check_self_contained)
