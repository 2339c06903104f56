"""The files of the page, which are served as they are."""

from collections.abc import Mapping
from pathlib import Path

from .guard import Body

_FOLDER = Path(__file__).parent / "page"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types note"
)
"""What the page may load: its own files. Only the function that takes notes from the server may make HTML from a text."""


def files() -> Mapping[str, Body]:
    """Return the files of the page by their paths on the server."""
    found = {f"/page/{file.name}": Body(_TYPES[file.suffix], file.read_bytes()) for file in sorted(_FOLDER.iterdir())}
    return {"/": found.pop("/page/index.html"), **found}
