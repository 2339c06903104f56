"""`todo verify`: whether lists are damaged, and how to repair them."""

from collections.abc import Sequence
from typing import Any

from ...cqrs.errors import CqrsError, DamagedLog, OutcomeUnknown
from ...cqrs.names import check_log_name
from ...cqrs.verification import Damage, Repair, Stray, Verdict
from ...todo.lists import Lists, list_not_found
from ..errors import UsageError
from ..output import print_line, print_message, print_row
from ..reports import count_of, missing_document, stray_document, warn_of_strays
from ..session import Session, check_text
from ..text import printable, visible
from ..verb import LISTS, Argument, Option, Verb

_NOT_NEEDED = "delete it: the list itself has all of its commits"
_HEAD = 8
"""How many characters of a digest are shown to people."""


def verify(session: Session, repair: bool, dry_run: bool, backup: str | None) -> None:
    """Verify every list, or the one that is named with --list; with `repair`, repair the damaged ones. Or verify a backup.

    Raises:
        DamagedLog: A list is damaged or missing in the end.
        CqrsError: The first other error, if no list is damaged.
    """
    if dry_run and not repair:
        raise UsageError("--dry-run shows what --repair would do", "give both")
    session.refuse_at("verify checks the lists as they are now, and takes no --at")
    if backup is not None:
        if repair:
            raise UsageError("a backup is not repaired", "restore another backup")
        _verify_backup(session, backup)
        return
    rows: list[dict[str, Any]] = []
    errors: list[CqrsError] = []
    for name, archived in _chosen(session):
        try:
            row = _verify_one(session, name, archived, repair=repair, dry_run=dry_run)
            if row["damage"] is not None:
                what = "ends in a torn tail" if row["damage"]["what"] == "torn" else "is damaged"
                errors.append(
                    _Damaged(f"{name} {what}", _what_to_do(session, row["damage"], repair=repair, dry_run=dry_run))
                )
        except CqrsError as error:
            row = {"name": name, "archived": archived, "error": printable(str(error)), "missing": missing_document(error)}
            errors.append(error)
            shown = _shown(name, archived)
            _print(session, f"{shown}: {str(error).removeprefix(f'{shown} ')}")
        rows.append(row)
    strays: Sequence[Stray] = ()
    try:
        strays = session.store.strays()
        for path in session.store.kept_logs():
            damage = session.store.verify_kept(path)
            if damage:
                errors.append(_Damaged(f"{path}, a list as it was before a merge, is damaged: {damage}", _NOT_NEEDED))
    except CqrsError as error:
        errors.append(error)  # raised after what was found, and perhaps repaired, is printed
    warn_of_strays(session, strays)
    if session.options.json:
        from .. import document

        print_line(document.encode({"lists": rows, "strays": [stray_document(stray) for stray in strays]}))
    elif not rows:
        print_message(session, "There are no lists yet.")
    if errors:
        raise next((error for error in errors if isinstance(error, DamagedLog)), errors[0])


def _what_to_do(session: Session, damage: dict[str, Any], *, repair: bool, dry_run: bool) -> str | None:
    """Return what a person can do about the damage of a list. None if it was tried already."""
    command = session.typed(session.options.list or session.default_list, "verify --repair")
    if damage["what"] == "torn":
        return f"nothing that was recorded is lost: the next change repairs the list, and so does {command}"
    if session.store_url.startswith("postgres"):
        return "restore the list from a backup of the database: a list on a server is not repaired"
    if not repair:
        return f"see what a repair would do: {command} --dry-run"
    return f"repair it: {command}" if dry_run else None


def _verify_backup(session: Session, name: str) -> None:
    """Verify every list in a backup, without restoring it.

    Raises:
        DamagedLog: The backup cannot be read, or a list in it is damaged.
    """
    from ..backup_file import check_contents, open_backup

    rows: list[dict[str, Any]] = []
    damaged = []
    session.progress.begin("verifying")
    with open_backup(name) as backup:
        for number, each in enumerate(backup.lists):
            if session.options.list in (None, each.name):
                session.progress(number, len(backup.lists))
                found = check_contents(backup, each)
                damage = Damage(found.end.line + 1, found.end.offset, "altered", found.wrong) if found.wrong else None
                verdict = Verdict(
                    events=found.end.position,
                    commits=found.commits,
                    head=found.end.digest.decode(),
                    damage=damage,
                    newer=found.newer,
                    forgotten=found.forgotten,
                )
                rows.append(_row(each.name, each.archived, verdict, None))
                damaged += [each.name] if damage is not None else []
                session.progress.wipe()
                _print(session, f"{_shown(each.name, each.archived)}: {_describe(verdict)}")
    if session.options.json:
        from .. import document

        print_line(document.encode({"lists": rows, "strays": []}))
    elif not rows:
        print_message(session, "There are no such lists in the backup.")
    if damaged:
        raise _Damaged(f"{', '.join(damaged)} in {visible(printable(name))} is damaged", "take an older backup")


class _Damaged(DamagedLog):
    def __init__(self, message: str, hint: str | None) -> None:
        super().__init__(message)
        self.hint = hint


def _chosen(session: Session) -> list[tuple[str, bool]]:
    lists = Lists(session.store)
    if session.options.list is not None:
        name = check_log_name(check_text("list's name", session.options.list))
        names = lists.names()
        if name not in names and name not in lists.names(archived=True):
            session.store.verify(name)  # raises the error if the list is missing, which is more than not being there
            raise list_not_found(name, names)  # an archived list has been found by now
        return [(name, name not in names)]
    return [(name, archived) for archived in (False, True) for name in lists.names(archived=archived)]


def _verify_one(session: Session, name: str, archived: bool, *, repair: bool, dry_run: bool) -> dict[str, Any]:
    store = session.store
    shown = _shown(name, archived)

    def check() -> Verdict:
        session.progress.begin(f"verifying {visible(name)}")
        return store.verify(name, archived=archived, known=session.snapshot_cursor)

    verdict = check()
    _print(session, f"{shown}: {_describe(verdict)}")
    done = None
    if repair and verdict.damage is not None:
        planned = store.repair(name, archived=archived, dry_run=True, known=session.snapshot_cursor)
        for step in planned.steps if planned is not None else ():
            _print(session, f"  {step}")
        if not dry_run:
            done = store.repair(name, archived=archived, known=session.snapshot_cursor)
            try:
                verdict = check()
            except CqrsError as error:
                raise OutcomeUnknown(f"{shown} was repaired, but cannot be verified now: {error}") from error
            kept = f"; the old file is kept as {done.kept}" if done is not None and done.kept else ""
            _print(session, f"{shown}: repaired{kept}: {_describe(verdict)}")
        else:
            done = planned
    elif repair and not dry_run and not verdict.newer:  # reactions may still be where the list was before it was replaced
        store.repair(name, archived=archived, known=session.snapshot_cursor)
    return _row(name, archived, verdict, done)


def _shown(name: str, archived: bool) -> str:
    return f"{name} (archived)" if archived else name


def _print(session: Session, line: str) -> None:
    if not session.options.json and not session.options.plain:
        print_line(visible(line))
    elif session.options.plain:
        name, _, rest = line.partition(": ")
        print_row(name, rest)


def _describe(verdict: Verdict) -> str:
    forgotten = f" ({verdict.forgotten:,} forgotten)" if verdict.forgotten else ""
    counts = f"{count_of(verdict.events, 'event')}{forgotten}, {count_of(verdict.commits, 'commit')}"
    if verdict.newer:
        made = f"made by a newer program: its format {verdict.newer} is newer than this program's"
        return f"{made}; {counts} can be read, and nothing is changed"
    if verdict.damage is None:
        return f"{counts}, head {verdict.head[:_HEAD]}…, intact" if verdict.head else f"{counts}, intact"
    damage = verdict.damage
    beyond = f"; {count_of(verdict.beyond, 'complete commit')} after it" if verdict.beyond else ""
    return f"line {damage.line}, byte {damage.byte}: {damage.kind}: {damage.detail}; readable before it: {counts}{beyond}"


def _row(name: str, archived: bool, verdict: Verdict, repair: Repair | None) -> dict[str, Any]:
    damage = verdict.damage
    newer = {"newer": printable(verdict.newer)} if verdict.newer else {}
    return {
        "name": name,
        "archived": archived,
        "events": verdict.events,
        "commits": verdict.commits,
        "forgotten": verdict.forgotten,
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


VERB = Verb(
    name="verify",
    help="Check that no list was damaged. Every byte of every list is checked.",
    examples=("todo verify", "todo verify --repair --dry-run", "todo -L work verify --repair", "todo verify backup.zip"),
    action=verify,
    group=LISTS,
    scope="store",
    arguments=(
        Argument("backup", "BACKUP", "A file that todo backup wrote; it is checked instead of the lists.", required=False),
    ),
    options=(
        Option("repair", ("--repair",), "Repair damaged lists, and print each step."),
        Option("dry_run", ("--dry-run", "-n"), "With --repair: print the steps, change nothing."),
    ),
    synonyms={"": "fsck doctor validate repair"},
)
