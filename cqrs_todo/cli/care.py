"""`verify`: is every list what was written, and if not, what can be repaired? And the care of the store itself."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ..cqrs.errors import CqrsError, DamagedLog, MissingLog, Rejected
from ..cqrs.names import check_log_name
from ..cqrs.stores import open_store
from ..cqrs.verification import Repair, Stray, Verdict
from ..todo.lists import Lists, no_such_list
from ..todo.recorder import TYPES
from . import document, render
from .errors import UsageError
from .output import out
from .render import say
from .session import Session, check_text
from .text import printable, visible

_SEE_REPAIR = "see what a repair would do: todo verify --repair --dry-run"
_HEAD = 8
"""How many signs of a sum are shown to people."""


def verify(session: Session, *, repair: bool, dry_run: bool) -> None:
    """Walk every list, or the one that is named with --list; with `repair`, repair the damaged ones and say how.

    Raises `DamagedLog` if one is damaged or missing at the end, or else the first other error.
    """
    if dry_run and not repair:
        raise UsageError("--dry-run says what --repair would do", "give both")
    if repair:
        session.check_now()
    rows: list[dict[str, Any]] = []
    errors: list[CqrsError] = []
    for name, archived in _chosen(session):
        try:
            row = _verify_one(session, name, archived, repair=repair, dry_run=dry_run)
            if row["damage"] is not None:
                errors.append(_Damaged(name, None if repair and not dry_run else _SEE_REPAIR))
        except CqrsError as error:
            row = {"name": name, "archived": archived, "error": printable(str(error)), "missing": missing_document(error)}
            errors.append(error)
            shown = _shown(name, archived)
            _tell(session, f"{shown}: {str(error).removeprefix(f'{shown} ')}")
        rows.append(row)
    strays = session.store.strays()
    warn_of_strays(session, strays)
    if session.options.json:
        out(document.encode({"lists": rows, "strays": [stray_document(stray) for stray in strays]}))
    elif not rows:
        say(session, "There are no lists yet.")
    if errors:
        raise next((error for error in errors if isinstance(error, DamagedLog)), errors[0])


def warn_of_strays(session: Session, strays: Sequence[Stray]) -> None:
    """Tell on stderr of the files beside the lists that are copies of them, or cannot be lists."""
    for stray in strays:
        say(session, f"todo: warning: {visible(stray.file)}: {visible(stray.detail)}")


def stray_document(stray: Stray) -> dict[str, Any]:
    """A file beside the lists that is a copy of one of them, or cannot be a list."""
    return {
        "file": printable(stray.file),
        "archived": stray.archived,
        "name": stray.name,
        "of": stray.of,
        "detail": printable(stray.detail),
    }


def missing_document(error: CqrsError) -> dict[str, Any] | None:
    """What had been recorded of a missing list; None for any other error."""
    if not isinstance(error, MissingLog):
        return None
    return {"log": None if error.id is None else printable(error.id), "position": error.position}


class _Damaged(DamagedLog):
    def __init__(self, name: str, hint: str | None) -> None:
        super().__init__(f"{name} is damaged")
        self.hint = hint


def _chosen(session: Session) -> list[tuple[str, bool]]:
    lists = Lists(session.store)
    if session.options.list is not None:
        name = check_log_name(check_text("list's name", session.options.list))
        names = lists.names()
        if name not in names and name not in lists.names(archived=True):
            session.store.verify(name)  # raises what is to be said of a list that is not there
            raise no_such_list(name, names)
        return [(name, name not in names)]
    return [(name, archived) for archived in (False, True) for name in lists.names(archived=archived)]


def _verify_one(session: Session, name: str, archived: bool, *, repair: bool, dry_run: bool) -> dict[str, Any]:
    store = session.store
    shown = _shown(name, archived)

    def walk() -> Verdict:
        session.progress.begin(f"verifying {visible(name)}")
        return store.verify(name, archived=archived, known=session.newest_mark)

    verdict = walk()
    _tell(session, f"{shown}: {_in_words(verdict)}")
    done = None
    if repair and verdict.damage is not None:
        planned = store.repair(name, archived=archived, dry_run=True, known=session.newest_mark)
        for step in planned.steps if planned is not None else ():
            _tell(session, f"  {step}")
        if not dry_run:
            done = store.repair(name, archived=archived, known=session.newest_mark)
            verdict = walk()
            kept = f"; the log as it was is in {done.kept}" if done is not None and done.kept else ""
            _tell(session, f"{shown}: repaired{kept}: {_in_words(verdict)}")
        else:
            done = planned
    return _row(name, archived, verdict, done)


def _shown(name: str, archived: bool) -> str:
    return f"{name} (archived)" if archived else name


def _tell(session: Session, line: str) -> None:
    if not session.options.json and not session.options.plain:
        out(visible(line))
    elif session.options.plain:
        name, _, rest = line.partition(": ")
        render.fields(name, rest)


def _in_words(verdict: Verdict) -> str:
    counts = f"{_count(verdict.events, 'event')}, {_count(verdict.commits, 'commit')}"
    if verdict.newer:
        made = f"made by a newer program: its format {verdict.newer} is newer than this program's"
        return f"{made}; {counts} can be read, and nothing is changed"
    if verdict.damage is None:
        return f"{counts}, head {verdict.head[:_HEAD]}…, intact" if verdict.head else f"{counts}, intact"
    damage = verdict.damage
    beyond = f"; {_count(verdict.beyond, 'whole commit')} after it" if verdict.beyond else ""
    return f"line {damage.line}, byte {damage.byte}: {damage.kind}: {damage.detail}; readable before it: {counts}{beyond}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _row(name: str, archived: bool, verdict: Verdict, repair: Repair | None) -> dict[str, Any]:
    damage = verdict.damage
    newer = {"newer": printable(verdict.newer)} if verdict.newer else {}
    return {
        "name": name,
        "archived": archived,
        "events": verdict.events,
        "commits": verdict.commits,
        "head": verdict.head or None,
        "damage": None
        if damage is None
        else {
            "line": damage.line,
            "byte": damage.byte,
            "what": damage.kind,
            "detail": printable(damage.detail),
            "beyond": verdict.beyond,
        },
        "repair": None if repair is None else {"steps": repair.steps, "kept": repair.kept or None},
        **newer,
    }


def migrate(session: Session) -> None:
    """Bring the store's tables to what this program works with, and say what that took."""
    session.check_now()
    steps = list(session.store.migrate())
    if session.options.json:
        out(document.encode({"store": printable(session.store.url), "migrations": steps}))
    elif session.options.plain:
        for step in steps:
            render.fields(step)
    elif not session.options.quiet:
        out(visible(f"{session.store.url}: {_count(len(steps), 'migration')} run" if steps else "Nothing to migrate"))
        for step in steps:
            out(f"  {step}")


def check(session: Session, url: str | None) -> None:
    """Try the store contract on a store, and say of each case what is not as it should be; raises `Rejected` then."""
    url = session.store_url if url is None else session.url_of(url)
    try:
        from ..cqrs.testing.check import check_store
    except ImportError as error:
        raise UsageError(f"the contract is a suite of pytest's ({error})", "pip install 'cqrs-todo[testing]'") from error
    where = open_store(url, TYPES).url  # without a password
    session.progress.begin(f"checking {visible(where)}")
    cases = check_store(url, session.progress)
    count = Counter(case.outcome for case in cases)
    if session.options.json:
        rows = [{"name": case.name, "outcome": case.outcome, "detail": printable(case.detail)} for case in cases]
        out(document.encode({"store": printable(where), "cases": rows}))
    for case in cases:
        if session.options.plain:
            render.fields(case.name, case.outcome, case.detail)
        elif not session.options.json and case.outcome != "holds":
            out(visible(f"{case.outcome}: {case.name}: {case.detail}"))
    if not session.options.json and not session.options.plain:
        rest = f", {count['does not apply']} do not apply" if count["does not apply"] else ""
        out(visible(f"{count['holds']} of {_count(len(cases), 'case')} hold in {where}{rest}"))
    if count["holds"] + count["does not apply"] < len(cases) or not count["holds"]:
        raise _Unfit(f"{where} does not keep the contract of a store: {_count(count['fails'], 'case')} fail")


class _Unfit(Rejected):
    hint = "use another server or disk for lists"
