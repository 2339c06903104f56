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
    """

    lists: Sequence[str]
    steps: Sequence[tuple[str, str]]


def in_order(wanted: Mapping[str, str], names: Collection[str]) -> list[Renames]:
    """Find an order in which lists can be renamed.

    Args:
        wanted: The new names of lists, by their present names. Lists may have swapped their names.
        names: The present names of all lists.
    """
    holders = {name_key(name): name for name in names}
    left = dict(wanted)
    found: list[Renames] = []
    while left:
        circle = _circle(left, holders)
        name = next((name for name, new in left.items() if holders.get(name_key(new), name) == name), None)
        if name is not None:
            circle, steps = [name], [(name, left[name])]
        elif circle:
            first, *others = circle
            aside = next(aside for number in count(2) if name_key(aside := f"{first}-{number}") not in holders)
            steps = [(first, aside), *((other, left[other]) for other in reversed(others)), (aside, left[first])]
        else:  # other lists, which keep their names, have the new ones
            return [*found, *(Renames([name], ()) for name in left)]
        found.append(Renames(circle, steps))
        for name in circle:
            del holders[name_key(name)]
        holders |= {name_key(left[name]): left[name] for name in circle}
        left = {name: new for name, new in left.items() if name not in circle}
    return found


def _circle(wanted: Mapping[str, str], holders: Mapping[str, str]) -> list[str]:
    """Return lists of which each wants the name of the next one, and the last one that of the first one; none if none do."""
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
        return f"{named[0]}. Another list here has that name: give that one another name first"
    return f"{', and '.join(named)}. To rename {them} here, too: {commands}"


def _quoted(name: str) -> str:
    return shlex.quote(visible(name))
