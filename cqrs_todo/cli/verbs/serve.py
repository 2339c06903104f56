"""`todo serve`: a page with the lists, and GraphQL, for browsers and programs on this machine."""

import signal
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from ... import INTERRUPTED
from ..errors import UsageError, to_install
from ..output import print_line, print_message
from ..session import Session
from ..text import visible
from ..verb import LISTS, Option, Verb

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""The names and addresses by which a machine reaches itself."""


def serve(session: Session, port: int, host: str | None, prefill: int | None) -> int:
    """Serve the lists until a signal ends the server."""
    session.refuse_at("serve answers for every moment, and takes no --at")
    try:
        from ...web.guard import Access
        from ...web.server import serve as run
    except ImportError as error:
        raise UsageError(
            f"serve needs the extra `web`, and {error.name or error} is missing", f"install it {to_install('web')}"
        ) from None
    from ..listening import listen, names_of
    from ..serving import Program

    if prefill is None:
        session.list.check_exists()  # and so that a store that cannot be used is reported here
    with listen(host or LOOPBACK[0], port) as listener:
        if prefill is not None:
            _prefill(session, prefill)
        port = listener.getsockname()[1]
        names = [*LOOPBACK, *([] if host is None else names_of(host))]
        access = Access.for_hosts(names, port)
        shown = names[0] if host is None else names[len(LOOPBACK)]
        url = f"http://{f'[{shown}]' if ':' in shown else shown}:{port}/"

        def started() -> None:
            _print_address(session, url, access.token, remote=host is not None and host not in LOOPBACK)

        ended_by = run(Program(session), listener, access, started)
    return INTERRUPTED if ended_by == signal.SIGINT else 0


_CHORES = ("Water the plants", "Buy milk", "Answer the letters", "Repair the bicycle", "Read the report", "Call the plumber")
_MARKS: Sequence[Mapping[str, Any]] = (
    {"tags": ("home",)},
    {"priority": "H"},
    {"project": "work.report"},
    {"tags": ("calls",), "priority": "L"},
    {},
)


def _prefill(session: Session, count: int) -> None:
    """Make a list of todos for a demonstration: record them one after the other, and complete every third one.

    Raises:
        UsageError: The list has todos.
    """
    from ...todo.model import Complete, Create
    from ...todo.values import day_or_instant

    todos = session.list
    if not todos.make_if_missing() and todos.view().items:
        hint = f"name a new one: todo -L demo serve --prefill {count}"
        raise UsageError(f"--prefill fills a new list, and {visible(todos.name)} has todos", hint)
    session.progress.begin("filling")
    for number in range(1, count + 1):
        now = todos.clock()
        marks = _MARKS[number % len(_MARKS)]
        day = (session.now + timedelta(days=number % 9 - 2)).date()
        due = day_or_instant(day) if number % 2 else None
        added = todos.add([Create(f"{_CHORES[number % len(_CHORES)]} {number}", now, due=due, **marks)])
        if number % 3 == 0:
            todos.change(added.items, lambda _: [Complete(day_or_instant(todos.clock()), todos.clock())])
        session.progress(number, count)


def _print_address(session: Session, url: str, token: str, *, remote: bool) -> None:
    """Print where the server is, and the token."""
    opened = f"{url}?token={token}"
    if session.options.json:
        from .. import document

        print_line(document.encode({"url": opened, "graphql": f"{url}graphql", "token": token}))
    else:
        print_line(visible(opened))
    sys.stdout.flush()
    print_message(
        session,
        f"Open it in a browser. Programs use {visible(url)}graphql, with the header Authorization: Bearer {token}",
    )
    if remote:
        print_message(
            session,
            "Warning: this is plain HTTP. Whoever can read the traffic can read the token and the lists. docs/web.md says "
            "how to use SSH instead.",
        )
    print_message(session, "Ctrl-C ends the server.")


VERB = Verb(
    name="serve",
    help="Show the lists in a browser, and answer GraphQL. Only this machine is answered. Each use needs the printed token.",
    examples=("todo serve", "todo serve --port 8080", "todo -L demo serve --prefill 100"),
    action=serve,
    group=LISTS,
    scope="store",
    options=(
        Option("port", ("--port",), "The port; 0 for any that is free.", "N", kind=int, least=0, most=65535, default=2777),
        Option(
            "host",
            ("--host",),
            "Listen on this address, for other machines. Others can read plain HTTP. Default: only this machine.",
            "ADDRESS",
        ),
        Option(
            "prefill",
            ("--prefill",),
            "First make the list, and fill it with N todos, to try the page.",
            "N",
            kind=int,
            least=1,
            most=1000,
        ),
    ),
)
