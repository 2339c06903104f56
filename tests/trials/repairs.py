"""Repairs of damaged logs: each promise about repairs is checked for each of them.

The trial alters a log in one to three ways, with or without a head record, and with or without a snapshot. Then it repairs
the log, and compares the result with what had been recorded. The checks share no code with the repair: they know the
original bytes, and use only SHA-256 and a JSON decoder.
"""

import hashlib
import json
import random
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cqrs_todo.cqrs.errors import CqrsError, DamagedLog, ReadOnlyLog
from cqrs_todo.cqrs.verification import Repair

from .children import SEED, in_child, store_in
from .damage import ALTERATIONS, WHITE_SPACE
from .harness import LOST, SILENT, Control, Program, Size, Tally
from .histories import make_log, the_list

NAME = "repairs"
PROMISES = {
    "white space": "White space at the end of a line is not damage to a commit.",
    "proven stays": "A commit that is what was written, and provable by a digest that can still be read, stays.",
    "unproven is reported": "A commit that cannot be proven is reported in the steps and in the log.",
    "contradicted is lost": "Content that contradicts its digest becomes lost and never gets a new digest.",
    "verifies": "A result that does not verify never replaces anything.",
    "kept": "Every replaced byte is kept in a file beside the log.",
    "dry run": "A dry run describes exactly what a repair does, and changes nothing.",
    "twice": "Repairing twice changes nothing, and repairing an intact log changes nothing.",
    "head": "What the head record says about the end is reported and recorded.",
    "newer": "A log of a newer format is never touched.",
    "offers something": "There is always a repair that works.",
}
"""The promises, by the name under which they are counted."""
INTENDED = {
    "repair-keeps-white-space": "white space",
    "repair-looks-at-neighbours": "proven stays",
    "repair-says-nothing-unproven": "unproven is reported",
    "repair-keeps-contradicted": "contradicted is lost",
    "repair-unverified": "verifies",
    "repair-keeps-nothing": "kept",
    "repair-plans-otherwise": "dry run",
    "repair-forgets-head-record": "twice",
    "repair-ignores-head": "head",
    "repair-touches-newer": "newer",
    "repair-needs-a-commit": "offers something",
}
"""The promise that each weakened program breaks."""
_QUIET = ("unproven is reported", "dry run", "head")
"""The promises that are broken silently. If another one is broken, something is lost."""


def _cause(promise: str) -> str:
    """Return what a trial finds when a promise is broken, as `harness.Control` names it."""
    return f"{SILENT if promise in _QUIET else LOST}: {PROMISES[promise]}"


CONTROLS = tuple(Control(weakness, _cause(promise)) for weakness, promise in INTENDED.items())

LOGS = {Size.SHORT: 60, Size.FULL: 3_000}
HISTORIES = 8


def trial(program: Program, size: Size) -> Tally:
    """Run the trial in a child process."""
    return in_child(NAME, program, size)


def body(home: Path, size: Size) -> Tally:
    """Run the trial in this process."""
    bench = _Bench(home, size)
    for number in range(LOGS[size]):
        bench.one(number)
    bench.intact_and_newer()
    return bench.summary()


@dataclass
class _Line:
    """A line as it was written."""

    content: bytes
    body: bytes
    digest: bytes
    first: int
    last: int
    command: str


def _lines(content: bytes) -> list[_Line]:
    lines = []
    for line in content.split(b"\n")[:-1]:
        document = json.loads(line)
        first = document.get("position", 0)
        last = first + len(document.get("events", ())) - 1 if first else 0
        lines.append(_Line(line, line[: line.rindex(b',"sum":"')], line[-66:-2], first, last, document.get("command", "")))
    return lines


@dataclass
class _History:
    """A recorded log: its folder, with the cache of snapshots in it, and its lines."""

    folder: Path
    content: bytes
    lines: list[_Line]


class _Bench:
    """Logs that are altered and repaired, one after the other."""

    def __init__(self, home: Path, size: Size) -> None:
        self.home = home
        self.size = size
        self.random = random.Random(SEED)
        self.tally = Tally()
        self.applied: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.histories = []
        for number in range(HISTORIES):
            folder = home / f"history-{number}"
            make_log(folder, random.Random(number), (1, 2, 5, 8, 12, 16, 20, 30)[number % 8])
            content = (folder / "lists/inbox.jsonl").read_bytes()
            self.histories.append(_History(folder, content, _lines(content)))

    # one log

    def one(self, number: int) -> None:
        """Alter a log, repair it, and check every promise."""
        rng = random.Random(SEED * 1_000_003 + number)
        history = self.histories[number % len(self.histories)]
        damaged, names = history.content, []
        kinds = WHITE_SPACE if number % 10 == 0 else ALTERATIONS
        for _ in range(rng.randint(1, 3)):
            name = rng.choice(sorted(kinds))
            damaged = kinds[name](rng, damaged)
            names.append(name)
        with_head = rng.random() < 0.5
        what = f"log {number} ({', '.join(names)}{', with head record' if with_head else ''})"
        self.tally.cases += 1
        if damaged == history.content:
            return
        self.applied.update(names)
        folder = self._put(history, damaged, with_head=with_head, with_snapshot=rng.random() < 0.5)
        case = _Case(what, history, damaged, with_head, set(names) <= WHITE_SPACE.keys())
        for promise, detail in self._repaired(folder, case):
            self._break(promise, f"{what}: {detail}")

    def _put(self, history: _History, damaged: bytes, *, with_head: bool, with_snapshot: bool) -> Path:
        folder = self.home / "store"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(history.folder, folder)
        if not with_snapshot:
            shutil.rmtree(folder / "snapshots", ignore_errors=True)
        if not with_head:
            (folder / "lists/inbox.lock").unlink()
        (folder / "lists/inbox.jsonl").write_bytes(damaged)
        return folder

    def _repaired(self, folder: Path, case: "_Case") -> Iterator[tuple[str, str]]:
        """Repair a log, with and without a dry run and twice; yield the promises that are broken, and how."""
        path = folder / "lists/inbox.jsonl"
        store = store_in(folder)
        before = _files(folder)
        if store.verify("inbox").damage is None:
            self.outcomes["no damage to see"] += 1
            if store.repair("inbox") is not None or path.read_bytes() != case.damaged:
                yield "twice", "an intact log was changed"
            return
        self.tally.reached += 1
        try:
            planned = store.repair("inbox", dry_run=True)
            if _files(folder) != before:
                yield "dry run", "a dry run changed a file"
            done = store.repair("inbox")
        except (DamagedLog, CqrsError) as error:
            self.outcomes["refused"] += 1
            if path.read_bytes() != case.damaged:
                yield "verifies", "a repair was refused and changed the log"
            yield "offers something", f"no repair: {error}"
            return
        except Exception as error:
            yield "offers something", f"{type(error).__name__}: {error}"
            return
        self.outcomes["repaired"] += 1
        result = path.read_bytes()
        if planned is None or done is None or planned.steps != done.steps or not done.steps:
            yield "dry run", f"planned {planned}, done {done}"
        if result != case.damaged and not any(
            file.read_bytes() == case.damaged for file in path.parent.glob("inbox.damaged-*")
        ):
            yield "kept", "the bytes that were replaced are not kept"
        if done is not None:
            yield from case.check(result, done)
        if the_list(folder, with_snapshots=True).view() != the_list(folder, with_snapshots=False).view():
            yield "verifies", "a snapshot of the damaged log is shown"
        after = _files(folder)
        if store_in(folder).repair("inbox") is not None or _files(folder) != after:
            yield "twice", "a second repair changed something"

    # logs that are intact, or must not be changed

    def intact_and_newer(self) -> None:
        """Check that a repair does not change intact logs, or logs of a newer format, intact or not."""
        for history in self.histories:
            for with_head in (False, True):
                self.tally.cases += 1
                self.tally.reached += 1
                folder = self._put(history, history.content, with_head=with_head, with_snapshot=with_head)
                if store_in(folder).repair("inbox") is not None or _files(folder)["lists/inbox.jsonl"] != history.content:
                    self._break("twice", "an intact log was changed")
            self._newer(history)

    def _newer(self, history: _History) -> None:
        header = history.lines[0].body.replace(b'"version":"1.0"', b'"version":"2.0"')
        newer = header + b',"sum":"' + hashlib.sha256(header).hexdigest().encode() + b'"}'
        rest = b"\n".join([newer, *(line.content for line in history.lines[1:])]) + b"\n"
        for content in (rest, rest.replace(b"\n", b"\r\n"), rest[:-5], rest.replace(b"\n", b"\n\n")):
            self.tally.cases += 1
            self.tally.reached += 1
            folder = self._put(history, content, with_head=False, with_snapshot=False)
            try:
                store_in(folder).repair("inbox")
                self._break("newer", "a log of format 2.0 was repaired")
            except ReadOnlyLog:
                pass
            except DamagedLog as error:
                self._break("newer", f"a log of format 2.0 is called damaged: {error}")
            if (folder / "lists/inbox.jsonl").read_bytes() != content:
                self._break("newer", "a log of format 2.0 was changed")

    def _break(self, promise: str, what: str) -> None:
        self.tally.wrong(_cause(promise), what)

    def summary(self) -> Tally:
        """Return the tally, with the number of each outcome and each alteration."""
        notes = [f"{count:,} {outcome}" for outcome, count in sorted(self.outcomes.items())]
        notes.append("alterations: " + ", ".join(f"{name} {count}" for name, count in sorted(self.applied.items())))
        self.tally.notes += notes
        return self.tally


@dataclass
class _Case:
    """A damaged log, and what had been recorded in it."""

    what: str
    history: _History
    damaged: bytes
    with_head: bool
    only_white_space: bool

    def check(self, result: bytes, done: Repair) -> Iterator[tuple[str, str]]:
        """Yield the promises that the repaired bytes break, and how."""
        if self.only_white_space and result != self.history.content:
            yield "white space", "only white space was altered, and the log is not what it was"
        wrong = _not_a_log(result)
        if wrong:
            yield "verifies", wrong
            return
        lines = _lines(result)
        bodies = {line.body for line in lines}
        for before, line, after in zip(self._written, self._written[1:], [*self._written[2:], None], strict=False):
            rivals = (other for other in lines[1:] if other.first == line.first and self._has_its_digest(other))
            if line.body not in bodies and self._is_provable(before, line, after) and not any(rivals):
                yield "proven stays", f"@{line.first} is gone, though the digest before it proves it"
        record = _records(lines)
        yield from self._check_added(lines, record, done)
        yield from self._check_head(lines, record, done)

    @property
    def _written(self) -> list[_Line]:
        return self.history.lines

    def _can_be_read(self, digest: bytes) -> bool:
        return digest in _digests(self.damaged) or (self.with_head and digest == self._written[-1].digest)

    def _is_provable(self, before: _Line, line: _Line, after: _Line | None) -> bool:
        """Return whether the damaged bytes have a commit as it was written, and a digest that proves it."""
        if not self._can_be_read(before.digest):
            return False
        if line.content in self.damaged:
            return True
        return line.body in self.damaged and after is not None and after.content in self.damaged

    def _check_added(self, lines: list[_Line], record: Any, done: Repair) -> Iterator[tuple[str, str]]:
        """Yield the commits in the result that are not proven, or are not what was written."""
        written = {line.body: place for place, line in enumerate(self._written)}
        ends = {line.last: line for line in self._written}
        steps = " ".join(done.steps)
        unproven = {position for first, last in record.get("unproven", ()) for position in range(first, last + 1)}
        for line in lines[1:]:
            if json.loads(line.content)["by"] == "repair":
                continue
            place = written.get(line.body)
            before = self._written[place - 1] if place is not None else ends.get(line.first - 1)
            has_digest = self._has_its_digest(line)  # if the line is forged, that cannot be detected: its digest is right
            if place is None and before is not None and self._can_be_read(before.digest) and not has_digest:
                yield "contradicted is lost", f"@{line.first} is not what was written, and stays"
            known = has_digest or (place is not None and before is not None and self._is_known(before))
            if not known and (
                line.first not in unproven or not re.search(rf"@{line.first}\b[^:]*: kept, but not proven", steps)
            ):
                yield "unproven is reported", f"@{line.first} stays without proof, and that is not reported"

    def _has_its_digest(self, line: _Line) -> bool:
        """Return whether the damaged bytes have a digest that is right for the line after another digest in them."""
        digests = _digests(self.damaged)
        return any(hashlib.sha256(digest + line.body).hexdigest().encode() in digests for digest in digests)

    def _is_known(self, line: _Line) -> bool:
        """Return whether the digest of a line can be read, completely or nearly, or calculated from what can be read."""
        if self._can_be_read(line.digest) or line.body in self.damaged or line.digest[:24] in self.damaged:
            return True
        return any(document == json.loads(line.body + b"}") for document in _documents(self.damaged))

    def _check_head(self, lines: list[_Line], record: Any, done: Repair) -> Iterator[tuple[str, str]]:
        """Yield the events up to the head record that are missing and not reported as lost; check the id of the log."""
        if not self.with_head:
            return
        end = self._written[-1].last
        types = {}
        for line in lines[1:]:
            events = json.loads(line.content)["events"]
            types.update({line.first + place: event["type"] for place, event in enumerate(events)})
        if end and (end not in types or types[end] == "repaired"):
            yield "head", f"@{end} had been recorded; it is not there, and not reported as lost"
        lost = {position for first, last in record.get("lost", ()) for position in range(first, last + 1)}
        if {position for position, type in types.items() if type == "lost"} != lost:
            yield "head", f"what is lost is not what is recorded as lost ({record})"
        if lost and not any("lost" in step for step in done.steps):
            yield "head", "what is lost is not reported"
        if json.loads(lines[0].content)["id"] != json.loads(self._written[0].content)["id"]:
            yield "head", "the id of the log is recorded beside it, and the log has another one"


def _digests(content: bytes) -> set[bytes]:
    """Return the digests that can be read in some bytes."""
    return set(re.findall(rb'"sum": ?"([0-9a-f]{64})"', content))


def _documents(content: bytes) -> Iterator[Any]:
    """Yield the JSON documents on the lines of a damaged log, without the digests."""
    for line in content.split(b"\n"):
        try:
            document = json.loads(line)
        except ValueError:
            continue
        if isinstance(document, dict):
            document.pop("sum", None)
            yield document


def _records(lines: list[_Line]) -> Any:
    """Return what the repair recorded about itself at the end of the log."""
    event = json.loads(lines[-1].content).get("events", [{}])[-1]
    return event["data"] if event.get("type") == "repaired" else {}


def _not_a_log(content: bytes) -> str:
    """Return what is wrong with a log according to the description of the format, or ''."""
    if not content.endswith(b"\n"):
        return "the last line has no end"
    digest, position, versions = b"", 0, Counter[str]()
    for number, line in enumerate(content.split(b"\n")[:-1], 1):
        body, _, rest = line.rpartition(b',"sum":"')
        digest = hashlib.sha256(digest + body).hexdigest().encode()
        if rest != digest + b'"}':
            return f"line {number} has a wrong digest"
        document = json.loads(line)
        if number == 1:
            continue
        if document["position"] != position + 1:
            return f"line {number} is at @{document['position']}, after @{position}"
        for event in document["events"]:
            versions[event["stream"]] += 1
            if event["version"] != versions[event["stream"]]:
                return f"line {number}: version {event['version']} of {event['stream']} does not follow"
        position += len(document["events"])
    return ""


def _files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
