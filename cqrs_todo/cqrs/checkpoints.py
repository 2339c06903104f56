"""How far reactions have come in the logs of a store, and the events that they could not react to."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime

from .cursor import START, Cursor
from .events import check_aware
from .names import check_type
from .struct import Struct


class Checkpoint(Struct, frozen=True):
    """How far a reaction has come in a log.

    Attributes:
        position: The position of the last event that it is done with; 0 if it has not begun.
        base: A cursor at or before this position, from which reading goes on. It is one that the log has given.
        moves: How often the store has set it back, because events of the log had moved. Runners keep it as it is. It stays 0
            in a store that neither merges nor repairs logs.
        begun: The position after which the reaction began. It never gets the events up to there. Runners keep it as it is.
        passed: The ids of other events that it does not get: it was done with them, or they were there when it began, and
            they have moved since. The store sets them when it sets the checkpoint back. Runners keep them as they are.
        forgotten: How many streams of the log were forgotten when it was kept. Only if there are more now, it is right that
            the log is not what it was at the base.
    """

    position: int = 0
    base: Cursor = START
    moves: int = 0
    begun: int = 0
    passed: tuple[str, ...] = ()
    forgotten: int = 0

    @property
    def has_begun(self) -> bool:
        """Whether the reaction has begun. If it began with an empty log, the base has a digest."""
        return bool(self.position or self.base.digest)


class Parked(Struct, frozen=True):
    """An event that a reaction failed on again and again, and then passed over.

    Attributes:
        event: The id of the event.
        position: Its position in the log when it was parked. A merge may have moved it since; see `Runner.parked`.
        error: What the reaction raised at last: the type of the exception, and its text, as `errors.in_words` gives them.
        at: When that was, aware.
        tries: How often the reaction was called with the event in all.
    """

    event: str
    position: int
    error: str
    at: datetime
    tries: int

    def __post_init__(self) -> None:
        """Raise `TypeError` or `ValueError` if not every store could keep it."""
        for what, text in (("the id of a parked event", self.event), ("the error of a parked event", self.error)):
            check_type(what, text, str)
            wrong = next((char for char in text if char == "\0" or "\ud800" <= char < "\ue000"), None)
            if wrong is not None:
                raise ValueError(f"{what} contains {wrong!a}, which not every store can keep; `errors.in_words` replaces it")
        check_aware("the time at which an event was parked", self.at)

    @property
    def recorded_id(self) -> str:
        """The id of the event as it is recorded; see `Recorded.recorded_id`."""
        command, _, place = self.event.rpartition("/")
        return f"{command}/{place.partition('.')[0]}"


class Checkpoints(ABC):
    """How far each reaction has come in each log, who runs it, and the events that it could not react to."""

    @abstractmethod
    def load(self, reaction: str, log_id: str) -> Checkpoint:
        """Return how far a reaction has come.

        Args:
            reaction: The name of the reaction.
            log_id: The id of the log.

        Raises:
            InvalidLogName: The reaction's name is not one that a log could have.
            LogBusy: Another process has been moving events of the log for too long.
            StoreUnavailable: The checkpoint cannot be read.
        """

    @abstractmethod
    def save(self, reaction: str, log_id: str, checkpoint: Checkpoint, holder: str | None = None) -> bool:
        """Keep how far a reaction has come. It is durable on return.

        Args:
            reaction: The name of the reaction.
            log_id: The id of the log.
            checkpoint: How far it has come.
            holder: Who must hold the lease. None: nobody needs to.

        Returns:
            Whether it was kept. False if someone else holds the lease, or if the store has set the checkpoint back since
            this one was loaded.

        Raises:
            InvalidLogName: The reaction's name is not one that a log could have.
            StoreUnavailable: The checkpoint cannot be written.
        """

    @abstractmethod
    def hold(self, reaction: str, log_id: str, holder: str, seconds: float, *, renew: bool = False) -> bool:
        """Take the lease of a reaction, or renew it. Whoever holds the lease may run the reaction.

        A lease that has ended can be renewed as long as nobody else has taken it since.

        Args:
            reaction: The name of the reaction.
            log_id: The id of the log.
            holder: Who wants it: a name that nobody else uses.
            seconds: After how many seconds it ends unless it is renewed.
            renew: Whether only to renew it. Then it is not taken if someone else has held it since, even if it is free now.

        Returns:
            Whether it is held now. False if someone else holds it.

        Raises:
            InvalidLogName: The reaction's name is not one that a log could have.
            StoreUnavailable: The lease cannot be read or written.
        """

    @abstractmethod
    def release(self, reaction: str, log_id: str, holder: str) -> None:
        """End the lease of a reaction, if `holder` holds it.

        Args:
            reaction: The name of the reaction.
            log_id: The id of the log.
            holder: The id of the runner, as `hold` was given it.

        Raises:
            CqrsError: What `hold` raises.
        """

    @abstractmethod
    def park(self, reaction: str, log_id: str, parked: Parked) -> None:
        """Park an event: keep that a reaction could not react to it. It is durable on return.

        An event that is parked already is kept with the new error.

        Args:
            reaction: The name of the reaction.
            log_id: The id of the log.
            parked: The event, and why the reaction failed.

        Raises:
            InvalidLogName: The reaction's name is not one that a log could have.
            StoreUnavailable: That cannot be kept.
        """

    @abstractmethod
    def unpark(self, reaction: str, log_id: str, event: str) -> None:
        """Remove an event from those that are parked, if it is among them.

        Args:
            reaction: The name of the reaction.
            log_id: The id of the log.
            event: The id of the event.

        Raises:
            CqrsError: What `park` raises.
        """

    @abstractmethod
    def parked(self, reaction: str, log_id: str) -> Sequence[Parked]:
        """Return the parked events by the positions that they were parked at.

        Args:
            reaction: The name of the reaction.
            log_id: The id of the log.

        Raises:
            CqrsError: What `park` raises.
        """
