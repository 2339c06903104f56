"""`todo sync`: sync the lists with a hub or a shared folder."""

import os
import re
import shlex
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ...cqrs.errors import CqrsError, StoreUnavailable
from ...cqrs.struct import Struct
from ..config import default_store, sync_dir
from ..errors import UsageError
from ..hints import complete_hint
from ..output import print_line, print_message, print_row
from ..reports import count_of
from ..session import Session
from ..text import brief, visible
from ..verb import LISTS, Argument, Option, Verb

if TYPE_CHECKING:
    from datetime import datetime

    from ...cqrs.store import LogHead
    from ...todo.merges import Elsewhere
    from ...todo.merging import MergedTodos
    from ...todo.sync import Effect, Joining, ListSync, RemoteMemory, Synced, SyncWarning, Unjoined
    from ...todo.sync.memory import Held, ListMemory
    from ..merge_report import MergeReport
    from ..renames import Renames

_SPAN = re.compile(r"([0-9]{1,6})(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def sync(
    session: Session,
    *,
    remote: str | None,
    dry_run: bool,
    status: bool,
    remove: bool,
    join: bool,
    apart: str | None,
    every: str | None,
) -> int:
    """Sync the lists, or say or remove what is known of remotes, and return the exit code.

    Raises:
        UsageError: The options contradict each other, or it is not known what to sync with.
        CqrsError: What `todo.sync.sync` raises.
    """
    if remote is not None and not remote.strip():
        raise UsageError("the remote is empty", "leave it out for the last one, or write: todo sync URL|NAME")
    if join and apart is not None:
        raise UsageError("--join and --as contradict each other", "give one of them")
    if every is not None and dry_run:
        raise UsageError("--every and --dry-run contradict each other", "to see what a sync would do, leave out --every")
    if status or remove:
        alone = "--status" if status else "--remove"
        given = {"--every": every, "--dry-run": dry_run, "--join": join, "--as": apart}
        given |= {"URL|NAME": remote, "--remove": remove} if status else {"--list": session.options.list}
        for option, value in given.items():
            if value not in (None, False):
                raise UsageError(f"{alone} syncs nothing, so {option} has no meaning beside it", "leave out one of the two")
    if not session.store_url.startswith("jsonl:"):
        place = _shown(session.store_url)
        files = "to sync your lists in files, " + (
            "leave out --store"
            if session.options.store
            else "unset TODO_STORE"
            if os.environ.get("TODO_STORE")
            else f"name them: todo --store {default_store()} sync"
        )
        raise UsageError(f"sync is for lists in files, and the lists in use are in {place}", files)
    from ...cqrs.names import check_log_name
    from ...todo.sync import Joining

    apart = None if apart is None else check_log_name(apart)
    joining = Joining(join=join, apart=apart or "") if join or apart else None
    if status:
        _print_status(session)
        return 0
    if remove:
        _remove(session, remote)
        return 0
    if every is None:
        return _sync(session, remote, joining, dry_run=dry_run)
    return _sync_again(session, remote, joining, every)


def _remove(session: Session, word: str | None) -> None:
    """Remove what this machine knows of a remote, and say what is left of it."""
    from ...todo.sync import MemoryFile, remove_remote
    from ..remotes import find_known, lines_in_config, remembered

    file = MemoryFile(sync_dir(session.store_url))
    memory = file.load()
    url = find_known(session, word, list(memory.remotes))
    names = [name for name, other in session.config.sync.items() if remembered(other) == url]
    removed = remove_remote(file, url, [*names, memory.last] if remembered(memory.last) == url else names)
    left = {} if removed is None else _not_forgotten(session, removed)
    written = lines_in_config(names)
    if session.options.json:
        from .. import document

        config = [{"file": path, "line": line, "name": name} for path, line, name in written]
        print_line(
            document.encode({"removed": url if removed is not None else None, "unforgotten": [*left], "config": config})
        )
        return
    where = visible(url)
    if removed is None:
        print_message(session, f"This machine knows nothing of {where}: it was never synced there, or was removed before.")
    else:
        print_message(session, f"Removed: {where}. No list was changed, here or there.")
        for name, holders in left.items():
            print_message(session, complete_hint(_left_there(name, holders, url), session))
    for path, line, name in written:
        place = f", line {line}" if line else ""
        print_message(session, f"{visible(path)} still names it: to end that, delete [sync.{visible(name)}]{place}.")


def _left_there(name: str, holders: Sequence[str], url: str) -> str:
    """Return a line about what was forgotten in a list and may still be on a remote. The other arguments are as below."""
    name, where = visible(name), visible(url)
    place = f"in the files of {', '.join(map(visible, holders))}" if holders else "there"
    said = f"At the last sync with {where}, what was forgotten in {name} was still {place}."
    return f"{said} To make sure: todo sync {visible(shlex.quote(url))}, and then remove it again."


def _not_forgotten(session: Session, known: "RemoteMemory") -> Mapping[str, Sequence[str]]:
    """Return the names of the lists of which a remote had what was forgotten here, as far as that is known.

    Returns:
        For each the names of the machines whose files in a shared folder had it.
    """
    from ...todo.sync import to_forget

    heads = {head.id: head for head in session.store.heads()}
    found: dict[str, Sequence[str]] = {}
    for id, each in known.lists.items():
        is_left = bool(each.unforgotten or each.holders)
        with suppress(CqrsError):  # a list that cannot be read does not keep a remote
            is_left = is_left or (id in heads and to_forget(session.store, heads[id], known) > 0)
        if is_left:
            found[heads[id].name if id in heads else each.name] = each.holders
    return found


def _span(text: str) -> int:
    """Return how many seconds a text such as 5m means."""
    found = _SPAN.fullmatch(text)
    if found is not None and int(found[1]) == 0:
        raise UsageError(f"--every: {text!r} is too short", "the shortest pause is a second: --every 1s")
    if found is None:
        raise UsageError(f"--every: {text!r} is not a span of time", "write, for instance: --every 5m (or 30s, 1h, 1d)")
    return int(found[1]) * _SECONDS[found[2]]


def _sync_again(session: Session, remote: str | None, joining: "Joining | None", span: str) -> int:
    """Sync until Ctrl-C. A sync that fails is tried again the next time."""
    seconds = _span(span)
    from ...todo.sync import Unjoined, WrongRemote
    from ..report import report

    first = True
    said = ""
    while True:
        try:
            _sync(session, remote, joining, dry_run=False, quiet=not first)
            if said and not session.options.json:
                print_message(session, "The sync works again")
            said = ""
        except UsageError:
            raise
        except CqrsError as error:
            if first and isinstance(error, (Unjoined, WrongRemote)):
                raise
            if str(error) != said:  # a server that is away for days is named once
                report(error, session, as_json=session.options.json)
                if not session.options.json:
                    print_message(session, f"This sync goes on, and tries again every {span}")
            said = str(error)
        first, joining = False, None
        sys.stdout.flush()
        time.sleep(seconds)


def _sync(session: Session, word: str | None, joining: "Joining | None", *, dry_run: bool, quiet: bool = False) -> int:
    from ...todo import sync as syncing
    from ..remotes import about_remote, find_remote

    file = syncing.MemoryFile(sync_dir(session.store_url))
    url, used_as = find_remote(session, word, file.load())
    only = [session.list_name] if session.names_a_list else []

    def run(joining: "Joining | None") -> "Synced":
        store = session.store
        try:
            return syncing.sync(store, url, file, only=only, joining=joining, dry_run=dry_run, used_as=used_as)
        except syncing.NothingApart as error:
            raise UsageError(str(error), "leave out --as") from error
        except StoreUnavailable as error:
            better = about_remote(error, url)
            if better is error:
                raise
            raise better from error

    question = ""
    try:
        done = run(joining)
    except syncing.Unjoined as error:
        if dry_run and joining is None and not any(clash.renamed for clash in error.clashes):
            done = run(syncing.Joining(join=True))
            question = f"Without --dry-run, it would ask: {_ways(session, used_as if word else None, error, joining)}"
        elif joining is not None or not _agreed(session, error):
            error.hint = _ways(session, used_as if word else None, error, joining)
            raise
        else:
            done = run(syncing.Joining(join=True))
    done.errors = [about_remote(error, url) for error in done.errors]
    _Report(session, done, used_as, dry_run=dry_run).print(quiet=quiet)
    if question and not session.options.json:
        print_message(session, question)
    if not done.errors:
        return 0
    if not session.options.json:  # the document has all of them
        from ..report import report

        for more in done.errors[1:]:
            report(more, session, as_json=False)
    raise done.errors[0]


def _ways(session: Session, word: str | None, error: "Unjoined", joining: "Joining | None") -> str:
    """Return the commands that join lists of the same name, or keep them apart.

    Args:
        session: This run of the program.
        word: The remote, if it was typed, without a password.
        error: The lists.
        joining: What was said to do about them.
    """
    options = session.options
    store = [] if options.store is None else ["--store", _shown(options.store)]
    lists = ["-L", options.list] if options.list else ["-A"] if options.all_lists else []
    clash = error.clashes[0]

    def command(*words: str, of: Sequence[str] = lists) -> str:
        return visible(shlex.join(["todo", *store, *of, "sync", *([word] if word else []), *words]))

    for each in error.clashes:
        if each.renamed:
            from ..renames import in_order, in_words

            heads = session.store.heads()
            names, archived = ([head.name for head in heads if head.archived == is_so] for is_so in (False, True))
            wanted = {each.name: each.renamed}
            (renames,) = in_order(wanted, names, archived)
            return f"{in_words(renames, wanted, error.remote)}{' && todo sync' if renames.steps else ''}"
    join = f"to join them: {command('--join')}"
    apart = ["--as", joining.apart if joining is not None and joining.apart else f"{clash.name}-{_host()}"]
    if len(error.clashes) > 1 and options.list and joining is not None and joining.apart:
        # todos were moved between these lists, so that none of them can be synced alone
        new = {each.name: joining.apart if each.name == options.list else f"{each.name}-{_host()}" for each in error.clashes}
        each_apart = [shlex.join(["todo", *store, "lists", "rename", old, name]) for old, name in new.items()]
        return f"to keep them apart: {visible(' && '.join(each_apart))} && {command(of=[])}; {join}"
    if len(error.clashes) > 1:
        one = f"to keep one apart: {command(*apart, of=['-L', clash.name])}"
        return f"{one}; {join}" if joining is not None else f"{join}; {one}"
    return f"{join}; to keep them apart: {command(*apart)}"


def _host() -> str:
    return re.sub(r"[^a-z0-9-]", "", os.uname().nodename.lower()) or "here"


def _agreed(session: Session, error: "Unjoined") -> bool:
    """Show what joining lists would give, and ask whether to do it, if there is a terminal to ask on."""
    from ...todo.merging import merged_todos
    from ..queries import asked

    if any(clash.renamed for clash in error.clashes):  # joining would mix two lists
        return False
    for clash in error.clashes:
        todos = merged_todos(clash.joined)
        name, where = visible(clash.name), visible(error.remote)
        print_message(
            session,
            f"{name} here and {visible(clash.theirs)} on {where} are different lists. Joined, they have"
            f" {count_of(len(clash.joined.after), 'commit')}: {clash.mine:,} from here, {todos.received:,} from there.",
        )
        for each in todos.renumbered[:10]:
            print_message(session, f"  {each.old} → {each.new} {brief(each.text)}")
        if len(todos.renumbered) > 10:
            print_message(session, f"  and {len(todos.renumbered) - 10:,} more new numbers")
    print_message(session, "A join cannot be undone as a whole, but each of its commits can. --as NAME keeps lists apart.")
    if not (sys.stdin.isatty() and sys.stderr.isatty()) or session.options.json:
        return False
    return asked("Join them?")


class _Report:
    """What a sync did, for people and for programs."""

    def __init__(self, session: Session, done: "Synced", remote: str, *, dry_run: bool) -> None:
        self._session = session
        self._done = done
        self._remote = remote
        self._dry_run = dry_run
        self._merged: dict[str, MergedTodos] = {}

    def print(self, *, quiet: bool) -> None:
        """Print it.

        Args:
            quiet: Whether to say nothing if there was nothing to do.
        """
        session, done = self._session, self._done
        self._clear_caches()
        if session.options.json:
            self._print_json()
            return
        lists = self._changed
        if session.options.plain:
            for each in lists:
                print_row(each.name, each.sent, self._received(each))
        elif not session.options.quiet:
            for each in lists:
                print_line(self._line(each))
            for effect in done.effects:
                print_line(self._effect(effect))
            if not lists and not done.effects and not quiet and not done.errors:
                differ = any(warning.kind != "ahead" for warning in done.warnings)
                print_line("Nothing was sent or received" if differ else f"Nothing to sync with {visible(self._remote)}")
        for each in lists:
            self._print_details(each)
        if removed := self._removed():
            from ..conflicts import print_removed

            print_removed(session, removed, [conflict for each in self._merged.values() for conflict in each.conflicts])
        for renames, wanted, where in self._renames:
            from ..renames import in_words

            print_message(session, complete_hint(in_words(renames, wanted, where), session))
        for warning in done.warnings:
            if warning.kind not in ("renamed", "only-here"):
                print_message(session, complete_hint(self._warning(warning), session))
        if only_here := [warning.list for warning in done.warnings if warning.kind == "only-here"]:
            names, (are, it) = ", ".join(map(visible, only_here)), ("is", "it") if len(only_here) == 1 else ("are", "one")
            print_message(
                session,
                complete_hint(
                    f"{names} {are} archived here, and not on {visible(done.remote)}: a sync does not send such a list."
                    f" To send {it}: {_send_archived(only_here[0])}",
                    session,
                ),
            )
        if done.began:
            kind, place = done.remote.split(":", 1)
            what = "shared folder" if kind == "folder" else "hub"
            shown, named = (place, "path") if kind in ("folder", "jsonl") else (done.remote, "URL")
            begins = f"{'Would begin' if self._dry_run else 'Began'} a new {what}: {visible(shown)}"
            done_here = "" if self._dry_run else ", and delete what this sync has written here"
            print_message(
                session,
                f"{begins}. If you expected the lists of another machine there, the {named} is wrong: sync with the right"
                f" one{done_here}.",
            )
        if done.renewed:
            print_message(
                session,
                "The file of this machine in the shared folder holds what this machine does not have, as after a home was"
                " copied or restored, or a list was repaired: this machine has a new id now",
            )

    @property
    def _changed(self) -> "list[ListSync]":
        return [each for each in self._done.lists if each.sent or each.merged or each.made or each.joined or each.began]

    def _clear_caches(self) -> None:
        if self._dry_run:
            return
        from .. import renumbered

        for each in self._done.lists:
            merged = each.merged
            todos = self._todos(each)
            if merged is None or todos is None:
                continue
            if merged.moved or merged.forgotten or each.joined:
                for what in self._session.clear_caches(merged.log):
                    print_message(self._session, f"Not reached: {visible(what)}")
            with suppress(OSError):  # the numbers are printed all the same
                renumbered.note(each.id, merged, todos)

    def _received(self, each: "ListSync") -> int:
        todos = self._todos(each)
        if todos is not None:
            return todos.received
        return 0 if each.merged is None else len(each.merged.after)

    def _todos(self, each: "ListSync") -> "MergedTodos | None":
        """Return what the sync did to the todos of a list that was here before; None if nothing."""
        from ..conflicts import merged_in

        if each.merged is None or each.made:
            return None
        if each.id not in self._merged:
            self._merged[each.id] = merged_in(self._session, each.name, each.merged, dry_run=self._dry_run)
        return self._merged[each.id]

    def _report(self, each: "ListSync") -> "MergeReport | None":
        from ..merge_report import MergeReport

        todos = self._todos(each)
        return None if each.merged is None or todos is None else MergeReport(self._session, each.name, each.merged, todos)

    def _line(self, each: "ListSync") -> str:
        received = self._received(each)
        todos = self._todos(each)
        conflicts = 0 if todos is None else len(todos.all_conflicts)
        if self._dry_run:
            parts = [f"would send {count_of(each.sent, 'commit')}"] if each.sent else []
            parts += [f"would receive {count_of(received, 'commit')}"] if received else []
            first, merged = "would be joined" if each.joined else "would be new here", "would be merged"
        else:
            parts = [f"{count_of(each.sent, 'commit')} sent"] if each.sent else []
            parts += [f"{count_of(received, 'commit')} received"] if received else []
            first, merged = "joined" if each.joined else "new here", "merged"
        if each.joined or each.made:
            parts.insert(0, first)
        elif each.began and not each.sent:
            parts.append("would be new there" if self._dry_run else "new there")
        parts += [count_of(conflicts, "conflict")] if conflicts else []
        forgotten = 0 if each.merged is None else len(each.merged.forgotten)
        parts += [f"{count_of(forgotten, 'todo')} forgotten"] if forgotten else []
        return f"{visible(each.name)}: {', '.join(parts) or merged}"

    def _effect(self, effect: "Effect") -> str:
        would = {"renamed": "rename", "archived": "archive", "unarchived": "unarchive"}
        name, where = visible(effect.list), visible(self._done.remote)
        if effect.kind == "forgotten":
            others = " The files of other machines there still have it until these sync." if effect.machines else ""
            forgets = f"Would forget in {name} on {where}, too" if self._dry_run else f"Forgotten in {name} on {where}, too"
            return f"{forgets}.{others}"
        if where.startswith("folder:"):
            tells = f"{'Would tell' if self._dry_run else 'Told'} the other machines on {where}"
            news = {"archived": "archived", "unarchived": "in use again"}.get(effect.kind, f"named {visible(effect.other)}")
            return f"{tells}: {name} is {news} here"
        did = f"Would {would[effect.kind]}" if self._dry_run else effect.kind.capitalize()
        return f"{did} {name}{f' to {visible(effect.other)}' if effect.other else ''} on {where}"

    def _print_details(self, each: "ListSync") -> None:
        report = self._report(each)
        if report is not None:
            report.print_details(dry_run=self._dry_run, in_list=True)

    def _removed(self) -> "Sequence[Elsewhere]":
        """Return the todos that are no longer in a list, because a newer change has brought them to another one."""
        found = list(self._done.removed)
        for each in self._done.lists:
            if each.merged is not None and not each.made and not self._dry_run:
                from ...todo.merges import lost_moves

                found += lost_moves(each.name, each.merged)
        return found

    @cached_property
    def _renames(self) -> "Sequence[tuple[Renames, Mapping[str, str], str]]":
        """The lists that are named otherwise elsewhere: which of them to rename together, their names there, and where."""
        from ..renames import in_order

        wanted: dict[str, dict[str, str]] = {}
        for warning in self._done.warnings:
            if warning.kind == "renamed":
                wanted.setdefault(warning.where, {})[warning.list] = warning.other
        heads = self._session.store.heads() if wanted else ()
        names, archived = ([head.name for head in heads if head.archived == each] for each in (False, True))
        return [
            (renames, renamed, where)
            for where, renamed in wanted.items()
            for renames in in_order(dict(sorted(renamed.items())), names, archived)
        ]

    def _name_to_get(self, name: str) -> str:
        """Return the name that a list gets by the command that was named before; '' if there is none."""
        found = (wanted[name] for renames, wanted, _ in self._renames if renames.steps and name in renames.lists)
        return next(found, "")

    def _warning(self, warning: "SyncWarning") -> str:
        name, other, where = visible(warning.list), visible(warning.other), visible(warning.where)
        there = shlex.quote(visible(warning.there or warning.list))
        match warning.kind:
            case "archived":
                out = ", so it was not synced" if warning.where == self._done.remote else ""
                new = visible(self._name_to_get(warning.list))
                when = ", when it is renamed" if new else ""
                archive = f"To archive it here, too{when}: todo lists archive {shlex.quote(new or name)}"
                if warning.other:
                    lacks = f"{count_of(int(warning.other), 'commit')} not sent"
                    back = f"todo --store {shlex.quote(where)} lists unarchive {there}"
                    return f"{name} is archived on {where}{out}: {lacks}. To use it there again: {back}. {archive}"
                return f"{name} is archived on {where}{out}. {archive}"
            case "unarchived":
                return f"{name} is in use again on {where}. To use it here, too: todo lists unarchive {shlex.quote(name)}"
            case "unreceived":
                back = f"todo lists unarchive {shlex.quote(name)} && todo sync"
                return f"{name} is archived here, so new commits of it on {where} were not received. To receive them: {back}"
            case "unnamed":
                return f"{name} could not be renamed or archived on {where}, where it is named {there}: {other}"
            case "waiting":
                commits = count_of(int(warning.other), "commit")
                moved = f"a todo was moved to {there}, which is not complete on {where}"
                return f"{name}: {commits} not sent, because {moved}. When {there} can be sent, send both: todo sync"
            case "held":
                theirs = f" of {other}" if other else ""
                return (
                    f"{name}: commits{theirs} not received, because a todo was moved to {there}, of which the file has not"
                    " arrived: sync again later"
                )
            case "lost":
                return self._lost(warning)
            case "unsent":
                back = f"todo lists unarchive {shlex.quote(name)}"
                return (
                    f"{name} was archived before all of it was sent to {where}. To send the rest: {back}, and then todo sync"
                )
            case "unforgotten":
                from ...todo.views import id_of

                ids = " ".join(id_of(stream) for stream in warning.streams)
                owner = f" Its owner can run: todo --store {shlex.quote(where)} -L {there} forget {ids}" if ids else ""
                return f"{where} still has data of {name} that were forgotten here: {other}.{owner}"
        return f"warning: the last change of {name} is more than a day ahead of the clock of this machine: check the clocks"

    def _lost(self, warning: "SyncWarning") -> str:
        """Return a line about todos that are in no list here until the other half of their move is on the hub."""
        from ...todo.views import id_of

        session, there = self._session, visible(warning.there)
        entities = session.open_list(warning.list).entities([id_of(stream) for stream in warning.streams])
        todos = ", ".join(f"{each.number}{'' if each.state is None else f' {brief(each.state.text)}'}" for each in entities)
        were = "was" if len(entities) == 1 else "were"
        back = session.typed(warning.list, f"undo @{warning.other}")
        return (
            f"In no list: {todos}, which {were} moved from {visible(warning.list)} to {there}: {there} is not complete on"
            f" {visible(warning.where)}. Sync again later. If nobody can send the rest, undo the move: {back}"
        )

    def _print_json(self) -> None:
        from ...todo.views import id_of
        from .. import document
        from ..report import described

        rows: list[dict[str, Any]] = []
        for each in self._changed:
            report = self._report(each)
            row = {} if report is None else report.document()
            row |= {"list": each.name, "sent": each.sent, "received": self._received(each)}
            rows.append({**row, "new": each.made, "joined": each.joined})
        warnings = [
            {
                "kind": each.kind,
                "list": each.list,
                "other": each.other or None,
                "where": each.where or None,
                "there": each.there or None,
                "todos": [id_of(stream) for stream in each.streams],
            }
            for each in self._done.warnings
        ]
        print_line(
            document.encode(
                {
                    "remote": self._done.remote,
                    "dry_run": self._dry_run,
                    "lists": rows,
                    "removed": [{"list": each.list, "id": id_of(each.stream)} for each in self._removed()],
                    "effects": [
                        {"kind": each.kind, "list": each.list, "other": each.other or None} for each in self._done.effects
                    ],
                    "warnings": warnings,
                    "errors": [document.error_row(described(error, self._session)) for error in self._done.errors],
                    "renewed": self._done.renewed,
                    "began": self._done.began,
                }
            )
        )


def _print_status(session: Session) -> None:
    """Print what this machine knows of its remotes, without asking them."""
    from ...todo.lists import list_not_found
    from ...todo.sync import MemoryFile
    from ...todo.views import short_instant
    from ..clock import to_local
    from ..remotes import find_remote, remembered

    memory = MemoryFile(sync_dir(session.store_url)).load()
    heads = session.store.heads()
    if session.names_a_list:
        chosen = [head for head in heads if head.name == session.list_name]
        if not any(not head.archived for head in chosen):
            names, others = ([head.name for head in heads if head.archived == is_so] for is_so in (False, True))
            raise list_not_found(session.list_name, names, others)
        heads = chosen
    rows: list[tuple[str, datetime | None, list[_ListStatus]]] = []
    for url, known in memory.remotes.items():
        lists = [_list_status(session, head, known) for head in heads]
        rows.append(
            (url, known.at, [each for each in lists if not each.head.archived or each.is_incomplete or each.is_only_here])
        )
    if session.options.json:
        from .. import document

        remotes = [{"url": url, "synced": at, "lists": [each.document() for each in lists]} for url, at, lists in rows]
        print_line(document.encode({"machine": memory.machine, "last": memory.last or None, "remotes": remotes}))
        return
    if not rows:
        print_message(session, f"This machine knows no remote. To sync with one: {session.typed(None, 'sync URL')}")
    try:
        following = remembered(find_remote(session, None, memory)[0]) if rows else ""
    except UsageError:  # several are known, or the last one is no longer in the configuration
        following = ""
    for url, at, lists in rows:
        when = "never completely" if at is None else short_instant(at, to_local)
        print_line(f"{visible(url)}: synced {when}{', used next' if url == following else ''}")
        for each in lists:
            for line in each.lines("" if url == following else url):
                print_line(complete_hint(line, session))


class _ListStatus(Struct, frozen=True):
    """What is known of a list and a remote.

    Args:
        head: The list.
        unsent: How many of its commits the remote lacks; None if no sync with it is known.
        to_forget: How many todos were forgotten here since the last sync.
        known: What is remembered of it; None if nothing is.
    """

    head: "LogHead"
    unsent: int | None
    to_forget: int
    known: "ListMemory | None"

    @property
    def is_incomplete(self) -> bool:
        """Whether the remote lacks something of the list, or has something that was forgotten here."""
        return bool(self.unsent or self.to_forget or self.is_unforgotten or self.holders)

    @property
    def is_only_here(self) -> bool:
        """Whether it is archived, and a sync does not send it."""
        return self.head.archived and self.unsent is None

    @property
    def is_unforgotten(self) -> bool:
        return self.known is not None and self.known.unforgotten != ""

    @property
    def holders(self) -> Sequence[str]:
        return () if self.known is None else self.known.holders

    @property
    def held(self) -> "Sequence[Held]":
        return () if self.known is None else [*self.known.held.values()]

    def document(self) -> dict[str, Any]:
        """Return what programs read."""
        return {
            "list": self.head.name,
            "unsent": self.unsent,
            "unforgotten": bool(self.to_forget) or self.is_unforgotten,
            "holders": self.holders,
            "held": [{"name": each.name, "machine": each.machine} for each in self.held],
        }

    def lines(self, remote: str) -> Iterator[str]:
        """Yield what people read. The remote is '' if the next sync uses it."""
        count, new = self.unsent, self.to_forget
        state = "no sync known" if count is None else f"{count_of(count, 'commit')} not sent" if count else "all sent"
        archived = " (archived)" if self.head.archived else ""
        left = ", not forgotten there: what was forgotten here" if self.is_unforgotten else ""
        left = f", not yet forgotten there: {count_of(new, 'todo')}" if new and not self.is_unforgotten else left
        send = f". To send it: {_send_archived(self.head.name, remote)}" if self.is_only_here else ""
        yield f"  {visible(self.head.name)}{archived}: {state}{left}{send}"
        if self.holders:
            files = f"the files of {', '.join(map(visible, self.holders))}"
            yield (
                f"    At the last sync, what was forgotten here was still in {files}: run todo sync there, and then here; or"
                " delete the files"
            )
        for each in self.held:
            name, machine = visible(each.name), visible(each.machine)
            yield f"    Named {name} on {machine}, which has not received the list {name} from here: run todo sync there"


def _list_status(session: Session, head: "LogHead", known: "RemoteMemory") -> _ListStatus:
    from ...todo.sync import to_forget, unsent

    store = session.store
    return _ListStatus(head, unsent(store, head, known), to_forget(store, head, known), known.lists.get(head.id))


def _send_archived(name: str, remote: str = "") -> str:
    """Return the commands that send an archived list to a remote; without one, to that which was used last."""
    name = visible(shlex.quote(name))
    sync = f"todo sync {visible(shlex.quote(remote))}" if remote else "todo sync"
    return f"todo lists unarchive {name} && {sync} && todo lists archive {name}"


def _shown(url: str) -> str:
    """Return a URL without its password."""
    from ...cqrs.stores.passwords import without_password  # `todo --help` loads this module

    return without_password(url)


def _proposed(session: Session, _beginning: str) -> Iterable[tuple[str, str]]:
    from ..remotes import proposed

    return proposed(session)


VERB = Verb(
    name="sync",
    help="Sync the lists with other machines. They meet on a server or in a shared folder.",
    examples=(
        "todo sync folder:~/Sync/todo",
        "todo sync home --dry-run",
        "todo sync --status",
        "todo sync --every 5m",
        "todo sync --remove home",
    ),
    action=sync,
    group=LISTS,
    scope="store",
    arguments=(
        Argument(
            "remote",
            "URL|NAME",
            "A URL (postgresql://…, jsonl:DIR, folder:DIR), or a name from config.toml. Default: the one used last.",
            required=False,
            propose=_proposed,
        ),
    ),
    options=(
        Option("dry_run", ("--dry-run",), "Show what would be synced, and change nothing."),
        Option("status", ("--status",), "Show when each remote was synced last, and what was not sent or forgotten there."),
        Option("remove", ("--remove",), "Remove what this machine knows of a remote. No list is changed."),
        Option("join", ("--join",), "Join lists of the same name that were made apart, and do not ask."),
        Option("apart", ("--as",), "Do not join lists of the same name: give the one of this machine another name.", "NAME"),
        Option("every", ("--every",), "Sync again and again until Ctrl-C, with this pause: 30s, 5m, 1h or 1d.", "SPAN"),
    ),
    writes=True,
    records=False,
)
