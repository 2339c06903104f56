"""The graph of a history: lines at the left that join a commit to those that it undoes, redoes, restores or follows from."""

from collections.abc import Iterable, Sequence

from ..cqrs.events import REDOES, UNDOES, Commit, marked
from ..cqrs.steps import batch_of, in_force
from ..cqrs.struct import Struct
from ..todo.views import RESTORES

_ASCII = str.maketrans("╭╰├┼┬┴─│●○", "++++++-|*o")


class Gutter(Struct, frozen=True):
    """What stands to the left of a commit.

    Args:
        first: Beside its first line.
        others: Beside its other lines.
    """

    first: str
    others: str


def related(commits: Iterable[Commit]) -> dict[int, set[int]]:
    """Find what each commit undoes, redoes, restores or follows from.

    Args:
        commits: The commits of one list, in any order.

    Returns:
        The positions of the related commits, by the position of the commit. Commits that are not given are left out.
    """
    known = list(commits)
    positions = {event.position: commit.position for commit in known for event in commit.events}
    commands = {commit.metadata.command: commit.position for commit in known}
    first_of_batch: dict[str, int] = {}
    found: dict[int, set[int]] = {}
    for commit in sorted(known, key=lambda commit: commit.position):
        meta = commit.metadata.meta
        to = {commands.get(each) for each in (*marked(commit.metadata, UNDOES), *marked(commit.metadata, REDOES))}
        if isinstance(meta.get(RESTORES), int):
            to.add(positions.get(meta[RESTORES]))
        cause = commit.metadata.causation
        to.add(commands.get(cause.rpartition("/")[0]))
        batch = batch_of(commit.metadata)
        if batch is not None and not to - {None}:
            to.add(first_of_batch.setdefault(batch[0], commit.position))
        others = {each for each in to if each is not None and each != commit.position}
        if others:
            found[commit.position] = others
    return found


def gutters(commits: Sequence[Commit], backward: Iterable[Commit], *, ascii_only: bool) -> list[Gutter]:
    """Draw the graph.

    Args:
        commits: The commits of one list, in the order in which they are shown.
        backward: All commits of the list, newest first. They say which commits are in force.
        ascii_only: Whether to draw with ASCII characters only.

    Returns:
        What stands to the left of each commit. A filled mark means that the commit is in force, or is an undo or a redo; an
        empty one that it was undone.
    """
    rows = {commit.position: row for row, commit in enumerate(commits)}
    groups = [sorted({rows[position], *(rows[other] for other in others)}) for position, others in related(commits).items()]
    lanes = _lanes(groups)
    undone = _undone(backward)
    drawn = []
    for row, commit in enumerate(commits):
        mark = "○" if commit.position in undone else "●"
        gutter = Gutter(_row(lanes, row) + mark, _between(lanes, row) + " ")
        if ascii_only:
            gutter = Gutter(gutter.first.translate(_ASCII), gutter.others.translate(_ASCII))
        drawn.append(gutter)
    return drawn


def _undone(backward: Iterable[Commit]) -> set[int]:
    """Return the positions of the commits that were undone and not redone."""
    steps: dict[str, int] = {}
    force: set[str] = set()
    for commit, commands in in_force(backward):
        force.update(commands)
        if not marked(commit.metadata, UNDOES) and not marked(commit.metadata, REDOES):
            steps[commit.metadata.command] = commit.position
    return {position for command, position in steps.items() if command not in force}


def _lanes(groups: Iterable[list[int]]) -> list[list[list[int]]]:
    """Divide groups of rows into lanes, so that no two groups in a lane overlap. Short ones come nearest to the marks."""
    lanes: list[list[list[int]]] = []
    for group in sorted(groups, key=lambda group: (group[-1] - group[0], group[0])):
        free = (lane for lane in lanes if all(group[-1] < other[0] or other[-1] < group[0] for other in lane))
        lane = next(free, None)
        if lane is None:
            lane = []
            lanes.append(lane)
        lane.append(group)
    return lanes[::-1]


def _row(lanes: Sequence[Sequence[Sequence[int]]], row: int) -> str:
    """Draw the lanes beside the first line of a row, from left to right."""
    drawn = ""
    joined = False
    for lane in lanes:
        group = next((group for group in lane if group[0] <= row <= group[-1]), None)
        if group is None:
            drawn += "──" if joined else "  "
            continue
        if row not in group:
            drawn += "┼─" if joined else "│ "
            continue
        joint = (0 if row == group[0] else 2 if row == group[-1] else 1) + (3 if joined else 0)
        drawn += "╭├╰┬┼┴"[joint] + "─"
        joined = True
    return drawn


def _between(lanes: Sequence[Sequence[Sequence[int]]], row: int) -> str:
    """Draw the lanes beside the other lines of a row."""
    return "".join("│ " if any(group[0] <= row < group[-1] for group in lane) else "  " for lane in lanes)
