"""Notes as HTML, rendered once for each change. This module needs the extra `html`.

A note is Markdown as CommonMark defines it. HTML in it is text, and images are links, so that opening a note loads nothing.
The result is sanitised as well, so nothing depends on the renderer alone.
"""

import re
from collections.abc import Sequence
from typing import Any

import nh3
from markdown_it import MarkdownIt
from msgspec import convert

from ...cqrs.events import Recorded
from ...cqrs.projections import Projection, ReadModel
from ...cqrs.query import Query
from ..events import NoteChanged, TodoCreated
from . import schema_for

_LISTS = {"ol", "ul", "li"}
_HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
_TAGS = {"a", "blockquote", "br", "code", "em", "hr", "p", "pre", "strong"} | _LISTS | _HEADINGS
_ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}, "code": {"class"}}
_SCHEMES = {"http", "https", "mailto"}
_ELSEWHERE = re.compile(r"https?://[^/\\?#]|mailto:", re.IGNORECASE)
"""How an address begins that has a host, or is one of mail."""

_markdown = MarkdownIt("commonmark", {"html": False}).disable("image")


def html_of(note: str) -> str:
    """Return a note as HTML that can run nothing, load nothing, and leads nowhere but to the web and to mail."""
    rendered: str = _markdown.render(note)
    return nh3.clean(
        rendered,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=_without_other_addresses,
        url_schemes=_SCHEMES,
        link_rel="noopener noreferrer nofollow",
    )


def _without_other_addresses(_tag: str, attribute: str, value: str) -> str | None:
    """Return the value of an attribute; None for an address that would lead into the page's own site.

    Those are addresses without a scheme, and those like `http:/path`, which browsers read as paths.
    """
    return None if attribute == "href" and _ELSEWHERE.match(value) is None else value


_SCHEMA, _TYPES = schema_for(
    "CREATE TABLE note (stream TEXT, log TEXT, html TEXT, PRIMARY KEY (stream, log)) WITHOUT ROWID;",
    (TodoCreated, NoteChanged),
)


def apply(connection: Any, event: Recorded[Any], log_id: str) -> None:
    """Render the note of a todo; see `Projection.apply`."""
    match event.data:
        case TodoCreated(note=note):
            html = html_of(note) if note else None
            connection.execute("INSERT OR IGNORE INTO note VALUES (?, ?, ?)", (event.stream, log_id, html))
        case NoteChanged(new=note):
            html = html_of(note) if note else None
            connection.execute("UPDATE note SET html = ? WHERE stream = ? AND log = ?", (html, event.stream, log_id))


PROJECTION: Projection[Any] = Projection("note_html", 2, _SCHEMA, apply, Query.of(types=_TYPES, kinds={"todo"}))


def notes_of(model: ReadModel, log_id: str, streams: Sequence[str]) -> dict[str, str]:
    """Return the notes of todos as HTML, by their streams; those without a note are left out.

    Args:
        model: The rows, which must have been brought up to date.
        log_id: The id of the log of their list.
        streams: Their streams.

    Raises:
        CqrsError: What `ReadModel.rows` raises.
        ValueError: The rows are damaged.
    """
    found = {}
    for stream in streams:
        rows = model.rows("SELECT html FROM note WHERE stream = ? AND log = ?", (stream, log_id))
        for (html,) in convert(rows, list[tuple[str | None]]):
            if html is not None:
                found[stream] = html
    return found
