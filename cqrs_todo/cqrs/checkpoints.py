"""The contract of what a store keeps of reactions: how far each has come in a log, and who may run it."""

from abc import ABC, abstractmethod

from .store import START, Cursor
from .struct import Struct


class Checkpoint(Struct, frozen=True):
    """How far a reaction has come in a log.

    Attributes:
        position: The position of the last event that it is done with; 0 if it has not begun.
        base: A cursor at or before this position, from which reading goes on.
    """

    position: int = 0
    base: Cursor = START


class Checkpoints(ABC):
    """How far each reaction has come in each log."""

    @abstractmethod
    def load(self, reaction: str, log_id: str) -> Checkpoint:
        """Return how far a reaction has come.

        Args:
            reaction: The name of the reaction.
            log_id: The id of the log.

        Raises:
            InvalidLogName: The reaction's name is not one that a log could have.
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
            Whether it was kept. False if someone else holds the lease.

        Raises:
            InvalidLogName: The reaction's name is not one that a log could have.
            StoreUnavailable: The checkpoint cannot be written.
        """

    @abstractmethod
    def hold(self, reaction: str, log_id: str, holder: str, seconds: float) -> bool:
        """Take the lease of a reaction, or renew it. Whoever holds the lease may run the reaction.

        Args:
            reaction: The name of the reaction.
            log_id: The id of the log.
            holder: Who wants it: a name that nobody else uses.
            seconds: After how many seconds it ends unless it is renewed.

        Returns:
            Whether it is held now. False if someone else holds it.

        Raises:
            InvalidLogName: The reaction's name is not one that a log could have.
            StoreUnavailable: The lease cannot be read or written.
        """

    @abstractmethod
    def release(self, reaction: str, log_id: str, holder: str) -> None:
        """End the lease of a reaction, if `holder` holds it.

        Raises:
            CqrsError: What `hold` raises.
        """
