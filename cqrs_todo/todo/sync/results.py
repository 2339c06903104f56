"""What a sync is asked to do, and what it did."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...cqrs.errors import CqrsError
from ...cqrs.struct import Struct

if TYPE_CHECKING:  # a sync that has nothing to do needs none of it
    from ...cqrs.replication import MergedLog
    from ..merges import Elsewhere


class Clash(Struct, frozen=True):
    """Two lists with the same name that were made apart.

    Attributes:
        name: The name of the list on this machine.
        theirs: Its name on the remote.
        joined: What joining them would give.
        mine: How many commits it has on this machine.
        renamed: The name that the list of this machine has on the remote; '' if that is the same name, or it is not there.
    """

    name: str
    theirs: str
    joined: "MergedLog"
    mine: int
    renamed: str = ""


class Unjoined(CqrsError):
    """There are lists of the same name here and on the remote, and nobody said what to do. Nothing was synced.

    Args:
        clashes: The lists.
        remote: Where the others are.
    """

    def __init__(self, clashes: Sequence[Clash], remote: str) -> None:
        """Make the error; the arguments are described above."""
        names = ", ".join(clash.theirs for clash in clashes)
        others = "another list with the name" if len(clashes) == 1 else "other lists with the names"
        super().__init__(f"{remote} has {others} {names}; nothing was synced")
        self.clashes = tuple(clashes)
        self.hint: str | None = None
        self.remote = remote


class NothingApart(CqrsError):
    """A name was given for a list that has to be kept apart, and there is no such list. Nothing was synced.

    Args:
        remote: The remote.
    """

    def __init__(self, remote: str) -> None:
        """Make the error; the arguments are described above."""
        super().__init__(f"no list here has to be kept apart from one on {remote}; nothing was synced")


class SyncWarning(Struct, frozen=True):
    """Something that a person should know about a list.

    Attributes:
        kind: "renamed" or "archived" elsewhere; "unarchived": it is archived here, and in use again elsewhere; "only-here":
            it is archived here, and the remote does not have it; "unsent": it is archived here before all of it was sent;
            "unforgotten": the hub could not forget; "unnamed": the hub could not give it the name that it has here, or
            archive it; "ahead": its last change is more than a day ahead of the clock; "unreceived": others have new commits
            of it, and it is archived here; "waiting": its end was not sent, because a todo has left it for a list of which a
            hub does not have the end; "held": the end of a copy was not received, because such a list has not arrived;
            "lost": a hub has the removal of todos from it, and not their creation in the list that they were moved to.
        list: The name of the list on this machine.
        other: Its name elsewhere, how many commits were not sent, why something was not possible, whose copy it is, or the
            position of the move.
        where: Where that is.
        there: The name of the list on the hub, if it is about a hub; the name of the list that the todo went to.
        streams: The streams of the todos that are lost, or that the hub could not forget.
    """

    kind: str
    list: str
    other: str = ""
    where: str = ""
    there: str = ""
    streams: Sequence[str] = ()


class Effect(Struct, frozen=True):
    """What a sync changed on the remote beside commits, or in a shared folder, what it told the other machines.

    Attributes:
        kind: "renamed", "archived", "unarchived" or "forgotten".
        list: The name of the list there before.
        other: Its new name.
        machines: Whether other machines have files there that still hold what is forgotten.
    """

    kind: str
    list: str
    other: str = ""
    machines: bool = False


class Joining(Struct, frozen=True):
    """What to do about lists of the same name that were made apart.

    Attributes:
        join: Whether to join them.
        apart: The name that the list of this machine gets instead; '' if it is not to be renamed.
    """

    join: bool = False
    apart: str = ""


class ListSync(Struct):
    """What a sync did to a list.

    Attributes:
        id: The id of its log.
        name: Its name on this machine.
        sent: How many of its commits the remote lacked.
        merged: What was merged into it; None if it had all.
        made: Whether this machine did not have it before.
        joined: Whether it was joined with another list.
        began: Whether the remote did not have it before.
    """

    id: str
    name: str
    sent: int = 0
    merged: "MergedLog | None" = None
    made: bool = False
    joined: bool = False
    began: bool = False

    def add(self, merged: "MergedLog") -> None:
        """Add what another merge did."""
        if merged.changed:
            self.merged = merged if self.merged is None else self.merged.then(merged)


class Synced:
    """What a sync did.

    Attributes:
        remote: The remote, without a password.
        lists: What it did to each list.
        removed: The todos that were removed from a list, because a newer change has brought them to another one.
        effects: What it changed on the remote beside commits.
        warnings: What a person should know.
        errors: Why lists could not be synced.
        renewed: Whether this machine got a new id.
        began: Whether the remote is one with which nobody had synced before.
    """

    def __init__(self, remote: str) -> None:
        """Begin with nothing; the argument is described above."""
        self.remote = remote
        self.lists: list[ListSync] = []
        self.removed: list[Elsewhere] = []
        self.effects: list[Effect] = []
        self.warnings: list[SyncWarning] = []
        self.errors: list[CqrsError] = []
        self.renewed = False
        self.began = False
