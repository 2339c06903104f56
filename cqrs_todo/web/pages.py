"""The files of the page and of GraphiQL, which are served as they are."""

from collections.abc import Mapping
from pathlib import Path

from ..cqrs.struct import Struct
from .guard import Body

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_OWN_FILES = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_POLICIES = {
    # only the function that takes notes from the server may make HTML from a text
    "page": f"{_OWN_FILES}; require-trusted-types-for 'script'; trusted-types note",
    # its fonts and pictures are in its style sheet
    "graphiql": _OWN_FILES.replace("img-src 'self'", "img-src 'self' data:; font-src data:"),
}
"""What each may load: its own files."""


class File(Struct, frozen=True):
    """A file that is served.

    Args:
        body: Its type and content.
        policy: The content security policy of a page that it is.
    """

    body: Body
    policy: bytes


def files() -> Mapping[str, File]:
    """Return the files by their paths on the server."""
    found = {
        f"/{folder}/{file.name}": File(Body(_TYPES[file.suffix], file.read_bytes()), policy.encode())
        for folder, policy in _POLICIES.items()
        for file in sorted(Path(__file__).with_name(folder).iterdir())
        if file.suffix in _TYPES
    }
    found["/"] = found.pop("/page/index.html")
    found["/graphiql"] = found.pop("/graphiql/index.html")
    return found
