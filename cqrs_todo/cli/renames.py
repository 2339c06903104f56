"""The commands that give lists of this machine the names that they have elsewhere."""

import shlex
from collections.abc import Collection, Mapping, Sequence
from itertools import count

from ..cqrs.names import name_key
from ..cqrs.struct import Struct
from .text import visible


class Renames(Struct, frozen=True):
    """Lists that are renamed together.

    Attributes:
        lists: Their present names.
        steps: The old and the new name of each rename, in an order in which each new name is free. None if that cannot be.
        first: Another list, which the first step gives another name; '' if there is none.
    """

    lists: Sequence[str]
    steps: Sequence[tuple[str, str]]
    first: str = ""


def in_order(wanted: Mapping[str, str], names: Collection[str], archived: Collection[str] = ()) -> list[Renames]:
    """Find an order in which lists can be renamed.

    Args:
        wanted: The new names of lists, by their present names. Lists may have swapped their names.
        names: The present names of the lists in use.
        archived: Those of the archived ones, which cannot be renamed.
    """
    holders = {name_key(name): name for name in (*names, *archived)}
    left = dict(wanted)
    found: list[Renames] = []
    while left:
        circle = _circle(left, holders)
        other = ""
        name = next((name for name, new in left.items() if holders.get(name_key(new), name) == name), None)
        if name is not None:
            circle, steps = [name], [(name, left[name])]
        elif circle:
            first, *others = circle
            aside = _free(first, holders, left)
            steps = [(first, aside), *((other, left[other]) for other in reversed(others)), (aside, left[first])]
        else:  # another list, which keeps its name otherwise, has the new one
            name = next(name for name, new in left.items() if holders[name_key(new)] not in left)
            circle, other = [name], holders[name_key(left[name])]
            steps = [] if other in archived else [(other, _free(other, holders, left)), (name, left[name])]
        found.append(Renames(circle, steps, other))
        for old, _ in steps:
            holders.pop(name_key(old), None)
        holders |= {name_key(new): new for _, new in steps}
        left = {name: new for name, new in left.items() if name not in circle}
    return found


def _free(name: str, holders: Mapping[str, str], wanted: Mapping[str, str]) -> str:
    """Return a name for a list that has to make way, which no other list has or is to get."""
    taken = {*holders, *map(name_key, wanted.values())}
    return next(aside for number in count(2) if name_key(aside := f"{name}-{number}") not in taken)


def _circle(wanted: Mapping[str, str], holders: Mapping[str, str]) -> list[str]:
    """Return a circle of lists, each of which wants the name of the next one. It is empty if there is none."""
    for start in wanted:
        circle = [start]
        following = holders.get(name_key(wanted[start]))
        while following is not None and following in wanted and following not in circle:
            circle.append(following)
            following = holders.get(name_key(wanted[following]))
        if following == start and len(circle) > 1:
            return circle
    return []


def in_words(renames: Renames, wanted: Mapping[str, str], where: str) -> str:
    """Return a line that says what lists are named elsewhere, with the command that renames them here.

    Args:
        renames: The lists.
        wanted: Their names there.
        where: Where that is.
    """
    (first, *others) = renames.lists
    named = [f"{visible(first)} is named {visible(wanted[first])} on {visible(where)}"]
    named += [f"{visible(other)} is named {visible(wanted[other])}" for other in others]
    them = "them" if others else "it"
    commands = " && ".join(f"todo lists rename {_quoted(old)} {_quoted(new)}" for old, new in renames.steps)
    if not commands:
        return f"{named[0]}. Another list here has that name: give {visible(renames.first)} another name first"
    if renames.first:
        return f"{named[0]}. Another list here has that name. To give that one another name first: {commands}"
    return f"{', and '.join(named)}. To rename {them} here, too: {commands}"


def _quoted(name: str) -> str:
    return shlex.quote(visible(name))
