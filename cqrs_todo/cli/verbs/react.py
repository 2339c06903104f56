"""`todo react`: run the reactions and deliver the reminders."""

import os
import shlex
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...cqrs.checkpoints import Parked
from ...cqrs.errors import CqrsError
from ...cqrs.events import Recorded
from ..errors import UsageError
from ..output import print_line, print_message, print_row
from ..session import Session
from ..text import visible
from ..verb import LISTS, Argument, Option, Verb

if TYPE_CHECKING:
    from ..reactions import FoundReaction, ListReaction


def react(
    session: Session,
    *,
    event: str | None,
    follow: bool,
    unit: str | None,
    overview: bool,
    failed: bool,
    retry: bool,
    drop: bool,
    reaction: str | None,
    test: str | None,
    from_start: bool,
) -> int:
    """Run the reactions and deliver the reminders."""
    given = {
        "--follow": follow,
        "--unit": unit is not None,
        "--overview": overview,
        "--failed": failed,
        "--retry": retry,
        "--drop": drop,
        "--test": test is not None,
    }
    chosen = [name for name, is_given in given.items() if is_given]
    if len(chosen) > 1 and chosen != ["--follow", "--unit"]:
        raise UsageError(f"{' and '.join(chosen)} contradict each other", "give one of them")
    if event is not None and not retry and not drop:
        raise UsageError("the id of an event belongs to --retry or --drop", f"write: todo react --retry {event}")
    if reaction is not None and not retry and not drop:
        raise UsageError("--reaction belongs to --retry or --drop", "leave it out")
    if event is None and drop:
        raise UsageError("--drop needs the id of an event", "see: todo react --failed")
    session.refuse_at("reactions are about what happens now")
    if unit is not None:
        return _print_unit(session, unit)
    if overview:
        return _print_overview(session)
    if failed:
        return _print_failed(session)
    if retry:
        return _retry(session, event, reaction)
    if drop and event is not None:
        return _drop(session, event, reaction)
    if test is not None:
        return _test(session, test)
    return _run(session, follow=follow, from_start=from_start)


def _only(session: Session) -> str | None:
    return session.list_name if session.names_a_list else None


def _run(session: Session, *, follow: bool, from_start: bool) -> int:
    from ..reacting import Reacting, print_warnings
    from ..signals import raised

    print_warnings()
    reacting = Reacting(session, only=_only(session), from_start=from_start)
    with raised(signal.SIGTERM, signal.SIGHUP):  # a program that runs is ended, and the leases are given back
        if follow:
            reacting.follow()
            return 0
        outcome = reacting.once()
    if session.options.json:
        from .. import document

        rows = [{"name": name, "list": of, "done": done} for (name, of), done in outcome.done.items()]
        print_line(document.encode({"reactions": rows, "failed": outcome.parked, "reminders": outcome.reminders}))
    else:
        events = sum(outcome.done.values())
        words = [f"{events:,} event{'s' * (events != 1)}", f"{outcome.reminders:,} reminder{'s' * (outcome.reminders != 1)}"]
        failures = f", {outcome.parked:,} failed: {session.typed(None, 'react --failed')}" if outcome.parked else ""
        print_message(session, f"{', '.join(words)}{failures}")
    for each in outcome.busy:
        print_message(session, f"Another process is running {each}. If it was killed, a later run takes over.")
    if outcome.failure is not None:
        raise outcome.failure
    return 1 if outcome.parked else 0


def _reactions(session: Session) -> "tuple[Sequence[ListReaction], CqrsError | None]":
    """Return the reactions with their lists, and the error of the first list that cannot be read."""
    from ..reactions import list_reactions

    only = _only(session)
    if only is not None and only not in session.store.names():
        session.list.check_exists()
        return [], None
    return list_reactions(session, session.originals() if only is None else [only])


def _print_overview(session: Session) -> int:
    from ..reactions import find_reactions

    found = find_reactions(session)
    by_name: dict[str, list[dict[str, Any]]] = {each.name: [] for each in found}
    reactions, failure = _reactions(session)
    for of_list in reactions:
        try:
            kept = of_list.checkpoint
            end = session.open_list(of_list.list_name).view().position
            failed = len(of_list.runner.parked())
        except CqrsError as error:
            failure = failure or error
            continue
        by_name[of_list.found.name].append(
            {
                "list": of_list.list_name,
                "begun": kept.has_begun,
                "position": kept.position,
                "lag": max(0, end - kept.position),  # the log may have lost its end
                "failed": failed,
            }
        )
    _print_reactions(session, found, by_name)
    if failure is not None:
        raise failure
    return 0


def _print_reactions(
    session: Session, found: "Sequence[FoundReaction]", by_name: Mapping[str, Sequence[Mapping[str, Any]]]
) -> None:
    """Print each reaction, and how far it has come in each list."""
    from ..reactions import output_file

    if session.options.json:
        from .. import document

        rows = [
            {
                "name": each.name,
                "from": each.origin,
                "on": each.types,
                "where": each.program.where if each.program is not None else "",
                "inline": each.inline,
                "lists": by_name[each.name],
            }
            for each in found
        ]
        print_line(document.encode({"reactions": rows}))
        return
    if not found:
        print_message(session, "There is no reaction. docs/reactions.md shows how to declare one.")
    for each in found:
        if not by_name[each.name] and not session.options.plain:
            print_line(f"{visible(each.name)}  no list yet")
        for row in by_name[each.name]:
            if session.options.plain:
                print_row(each.name, row["list"], row["lag"], row["failed"])
                continue
            begun = f"{row['lag']:,} events to look at" if row["begun"] or not row["lag"] else "begins with the next run"
            bad = f", {row['failed']:,} failed" if row["failed"] else ""
            print_line(f"{visible(each.name)}  {visible(row['list'])}: {begun}{bad}")
        if each.program is not None and not session.options.plain and os.path.exists(output_file(each.name)):
            print_message(session, f"    its output: {visible(output_file(each.name))}")


def _print_failed(session: Session) -> int:
    reactions, failure = _reactions(session)
    rows = [(each, parked) for each in reactions for parked in each.runner.parked()]
    if session.options.json:
        from .. import document

        print_line(
            document.encode(
                {
                    "failed": [
                        {
                            "name": each.found.name,
                            "list": each.list_name,
                            "event": parked.event,
                            "position": parked.position,
                            "error": parked.error,
                            "at": parked.at,
                            "tries": parked.tries,
                        }
                        for each, parked in rows
                    ]
                }
            )
        )
    else:
        _print_parked(session, rows)
    if failure is not None:
        raise failure
    return 0


def _print_parked(session: Session, rows: "Sequence[tuple[ListReaction, Parked]]") -> None:
    """Print the events that reactions failed on."""
    from ...todo.views import short_instant
    from ..clock import to_local
    from ..reactions import failure_in_words

    for each, parked in rows:
        error = failure_in_words(parked.error)
        if session.options.plain:
            print_row(
                each.found.name, each.list_name, parked.event, parked.position, parked.at.isoformat(), parked.tries, error
            )
        else:
            at = short_instant(parked.at, to_local)
            print_line(
                f"{visible(each.found.name)}  {visible(each.list_name)}@{parked.position}  {at}  {error}"
                f"  ({parked.tries} {'try' if parked.tries == 1 else 'tries'}; {visible(parked.event)})"
            )
    if not rows:
        print_message(session, "Nothing failed.")


def _named(session: Session, name: str | None) -> "tuple[Sequence[ListReaction], CqrsError | None]":
    """Return the reactions with a name, or all of them if it is None, as `_reactions` does."""
    if name is None:
        return _reactions(session)
    from ..reactions import named_reaction

    named_reaction(session, name)
    reactions, failure = _reactions(session)
    return [each for each in reactions if each.found.name == name], failure


def _retry(session: Session, event: str | None, name: str | None) -> int:
    from ..reacting import print_warnings

    print_warnings()
    done = left = 0
    found = False
    reactions, failure = _named(session, name)
    for each in reactions:
        parked = [each.event for each in each.runner.parked()]
        if not parked or (event is not None and event not in parked):
            continue
        found = True
        done += each.runner.retry_parked(event)
        left += len(each.runner.parked())
    if event is not None and not found:
        from ..reactions import FailureNotFound

        raise failure or FailureNotFound(event)
    if session.options.json:
        from .. import document

        print_line(document.encode({"done": done, "failed": left}))
    else:
        see = f": {session.typed(None, 'react --failed')}" if left else ""
        print_message(session, f"{done:,} done, {left:,} still failed{see}")
    if failure is not None:
        raise failure
    return 1 if left else 0


def _drop(session: Session, event: str, name: str | None) -> int:
    from ..reactions import FailureNotFound

    reactions, failure = _named(session, name)
    dropped: list[str] = []
    for each in reactions:
        if any(parked.event == event for parked in each.runner.parked()):
            each.runner.drop_parked(event)
            dropped.append(each.found.name)
    if not dropped:
        raise failure or FailureNotFound(event)
    if session.options.json:
        from .. import document

        print_line(document.encode({"dropped": len(dropped)}))
    else:
        print_message(session, f"Dropped {visible(event)} of {', '.join(map(visible, dropped))}")
    if failure is not None:
        raise failure
    return 0


def _test(session: Session, name: str) -> int:
    from ..reactions import ListReaction, NothingMatches, named_reaction

    found = named_reaction(session, name)
    only = _only(session)
    best = None
    failure: CqrsError | None = None
    for each in session.originals() if only is None else [only]:
        if found.lists and each not in found.lists:
            continue
        try:
            reaction = ListReaction(session, found, each)
            events = reaction.log.events_backward()
            event = next((event for event in events if found.query.wants(event) and reaction.matches(event)), None)
        except CqrsError as error:  # a list that cannot be read hides no other one
            failure = failure or error
            continue
        if event is not None and (best is None or event.metadata.at > best[1].metadata.at):
            best = reaction, event
    if best is None:
        raise failure or NothingMatches(name)
    code = _run_once(session, *best)
    if failure is not None:
        raise failure
    return code


def _run_once(session: Session, reaction: "ListReaction", event: Recorded[Any]) -> int:
    """Run a reaction for an event, print what comes of it, and return the exit code."""
    found = reaction.found
    print_message(session, f"@{event.position} of {visible(reaction.list_name)}: {event.type}")
    if found.function is not None:
        from ...cqrs.errors import in_words
        from ...todo.reactions import commands_of

        try:
            commands = commands_of(found.function, event)
        except Exception as error:  # it is code of another package, and may raise anything
            print_message(session, f"It failed: {visible(in_words(error))}")
            return 1
        for command in commands:
            print_line(visible(f"{command.list or reaction.list_name}/{command.id}: {command.command}"))
        print_message(session, "It returned these commands, which were not recorded." if commands else "No commands.")
        return 0
    ended = reaction.run(event)
    output = ended.output.decode("utf-8", "replace")
    if session.options.json:
        from .. import document

        row = {
            "name": found.name,
            "list": reaction.list_name,
            "event": event.id,
            "failure": ended.failure or None,
            "output": output,
        }
        print_line(document.encode(row))
    else:
        for line in output.splitlines():
            print_line(visible(line))
        print_message(session, visible(ended.failure) if ended.failure else "It succeeded.")
    return 1 if ended.failure else 0


def _print_unit(session: Session, system: str) -> int:
    text = _unit(session, system)
    if session.options.json:
        from .. import document

        print_line(document.encode({"system": system, "unit": text}))
    else:
        print_line(text)
    return 0


def _unit(session: Session, system: str) -> str:
    """Return a unit of systemd or a line of cron that runs this program with the store, list and folders of this run."""
    words = _program()
    if session.options.store is not None:
        from ...cqrs.stores.passwords import without_password

        words += ["--store", without_password(session.url_of(session.options.store))]
    if session.options.list is not None:
        words += ["--list", session.options.list]
    words.append("react")
    variables = _variables(session)
    if system == "systemd":
        return (
            "# Save this as ~/.config/systemd/user/cqrs-todo.service, and then run:\n"
            "#   systemctl --user enable --now cqrs-todo.service\n"
            "[Unit]\n"
            "Description=Reactions and reminders of todo lists\n\n"
            "[Service]\n"
            + "".join(f"Environment={_quoted(f'{name}={value}')}\n" for name, value in variables.items())
            + f"ExecStart={' '.join(map(_for_systemd, [*words, '--follow']))}\n"
            "Restart=on-failure\n\n"
            "[Install]\n"
            "WantedBy=default.target"
        )
    if system == "cron":
        # cron reads % as the end of the line
        settings = "".join(f"{name}={shlex.quote(value)} " for name, value in variables.items())
        return f"* * * * * {settings}{shlex.join([*words, '--quiet'])}".replace("%", "\\%")
    raise UsageError(f"there is no unit for {system!r}", "write systemd or cron")


def _variables(session: Session) -> dict[str, str]:
    """Return the variables of the environment that decide which store, list and folders this run uses."""
    from ...cqrs.stores.passwords import without_password

    given = {"TODO_STORE": session.options.store, "TODO_LIST": session.options.list}
    names = [name for name, option in given.items() if option is None]
    names += [f"XDG_{kind}_HOME" for kind in ("CONFIG", "DATA", "STATE", "CACHE")]
    found = {name: os.environ[name] for name in names if os.environ.get(name)}
    if "TODO_STORE" in found:
        found["TODO_STORE"] = without_password(session.url_of(found["TODO_STORE"]))
    return found


def _program() -> list[str]:
    """Return how this program is started, with absolute paths."""
    program = sys.argv[0]
    if os.path.basename(program) == "todo":
        found = os.path.abspath(program) if os.sep in program else shutil.which(program)
        if found is not None and os.access(found, os.X_OK):
            return [found]
    return [sys.executable, "-m", "cqrs_todo"]


def _for_systemd(word: str) -> str:
    """Return a word as systemd reads it in ExecStart."""
    return _quoted(word).replace("$", "$$") if not word.isalnum() else word


def _quoted(text: str) -> str:
    """Return a text in quotes, as systemd reads it where it replaces no variables."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


VERB = Verb(
    name="react",
    help="Run what follows from changes, and deliver reminders. docs/reactions.md explains how to declare reactions.",
    examples=("todo react", "todo react --follow", "todo react --unit systemd", "todo react --failed"),
    action=react,
    group=LISTS,
    scope="store",
    arguments=(Argument("event", "ID", "With --retry and --drop: this event. --failed shows the ids.", required=False),),
    options=(
        Option("follow", ("--follow", "-f"), "Go on until Ctrl-C: react to each change, and remind on time."),
        Option("unit", ("--unit",), "Print a unit that keeps it running: systemd or cron.", metavar="systemd|cron"),
        Option(
            "overview",
            ("--overview",),
            "Show each reaction, and how many events it has not looked at. `todo react --list` does the same.",
            alone="--list",
        ),
        Option("failed", ("--failed",), "Show the events that a reaction failed on, and why."),
        Option("retry", ("--retry",), "Give failed events to their reactions again."),
        Option("drop", ("--drop",), "Remove a failed event from those that are shown. Its reaction never gets it again."),
        Option("reaction", ("--reaction",), "With --retry and --drop: only of this reaction.", metavar="NAME"),
        Option("test", ("--test",), "Run a reaction once on the last event that matches. It changes nothing else.", "NAME"),
        Option(
            "from_start", ("--from-start",), "Let new reactions begin at the start of the history. Otherwise they begin now."
        ),
    ),
)
