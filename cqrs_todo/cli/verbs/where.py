"""`todo where`: the paths in use, and the read models in the cache folder."""

import os
import shlex
from collections.abc import Sequence
from stat import S_IRGRP, S_IROTH, S_IXGRP, S_IXOTH

from ...cqrs.store import Log
from ..config import cache_dir, config_file, state_dir
from ..output import print_line, print_message, print_row
from ..read_models import KNOWN, ReadModels, State
from ..reports import count_of
from ..session import Session
from ..text import printable, visible
from ..verb import LISTS, Verb


def where(session: Session) -> None:
    """Show the paths in use, and the size and the lag of each read model."""
    from ...cqrs.stores.passwords import without_password  # `todo --help` loads this module

    session.refuse_at("where shows the paths in use now, and takes no --at")
    paths = {
        "store": without_password(session.store.url),
        "list": session.list_name,
        "configuration": config_file(),
        "cache": cache_dir(),
        "state": state_dir(),
    }
    states = _states(session)
    if session.options.json:
        from .. import document

        models = [
            {"name": each.known.name, "purpose": each.known.purpose, "built": each.built, "lag": each.lag, "size": each.size}
            for each in states
        ]
        named = {name: printable(path) for name, path in paths.items()}
        kept = list(map(printable, session.store.kept_logs()))
        print_line(document.encode({"paths": named, "read_models": models, "kept": kept}))
        return
    for name, value in paths.items():
        if session.options.plain:
            print_row(name, value)
        else:
            print_line(f"{name:<14}{visible(value)}")
    if session.options.plain:
        return
    for number, path in enumerate(session.store.kept_logs()):
        print_line(f"{'' if number else 'kept':<14}{visible(path)} (a list as it was before a merge)")
    for number, state in enumerate(states):
        print_line(f"{'' if number else 'read models':<14}{state.known.purpose} ({_in_words(state)})")
    for path in _seen_by_others(session.store.url):
        print_message(
            session,
            f"Other users can read the names of your lists in {visible(path)}, but not the lists. "
            f"To hide the names: chmod 700 {visible(shlex.quote(path))}",
        )


def _seen_by_others(url: str) -> list[str]:
    """Return the folders of lists whose names other users can read. The program makes none, but finds some."""
    scheme, _, folder = url.partition(":")
    paths = [os.path.join(os.path.abspath(folder), name) for name in ("lists", "archive")] if scheme == "jsonl" else []
    return [path for path in paths if _is_seen_by_others(path)]


def _is_seen_by_others(path: str) -> bool:
    parts = path.split("/")
    above = ["/".join(parts[:count]) or "/" for count in range(1, len(parts))]
    try:
        mode, modes = os.stat(path).st_mode, [os.stat(each).st_mode for each in above]
    except OSError:  # there is no such folder, or it cannot be found out
        return False
    kinds = ((S_IXOTH, S_IROTH), (S_IXGRP, S_IRGRP))
    return any(mode & read and all(each & enter for each in modes) for enter, read in kinds)


def _states(session: Session) -> list[State]:
    def logs() -> Sequence[Log]:
        return [session.store.open(name) for name in session.store.names()]

    models = ReadModels(session.store)
    try:
        return [models.state(known, logs, session.snapshot_cursor) for known in KNOWN]
    finally:
        models.close()


def _in_words(state: State) -> str:
    if not state.built:
        return "not built yet"
    lag = "its progress is unknown" if state.lag is None else f"{count_of(state.lag, 'event')} behind"
    return f"{state.size / 1_000_000:.1f} MB, {'up to date' if state.lag == 0 else lag}"


VERB = Verb(
    name="where",
    help="Show the paths in use, and the read models: how large they are, and how many events they lack.",
    examples=("todo where", "todo where --json"),
    action=where,
    group=LISTS,
    scope="store",
    synonyms={"": "config path paths settings"},
)
