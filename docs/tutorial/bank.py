"""A bank account as an event-sourced domain: events, commands, and three pure functions."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from cqrs_todo.cqrs import Decider, EventTypes, Query, Reaction, Recorded, Rejected, Repository, Struct, as_of, replace


class Opened(Struct, frozen=True):
    owner: str


class Closed(Struct, frozen=True):
    owner: str


class Deposited(Struct, frozen=True):
    entry: str
    cents: int


class Withdrawn(Struct, frozen=True):
    entry: str
    cents: int


class TransferSent(Struct, frozen=True):
    entry: str
    cents: int
    to: str


class TransferReceived(Struct, frozen=True):
    entry: str
    cents: int
    sender: str


class Reversed(Struct, frozen=True):
    entry: str
    booked: int


AccountEvent: TypeAlias = Opened | Closed | Deposited | Withdrawn | TransferSent | TransferReceived | Reversed


EVENTS: Mapping[str, type] = {
    "account_opened": Opened,
    "account_closed": Closed,
    "money_deposited": Deposited,
    "money_withdrawn": Withdrawn,
    "transfer_sent": TransferSent,
    "transfer_received": TransferReceived,
    "entry_reversed": Reversed,
}
TYPES = EventTypes(EVENTS)


class Open(Struct, frozen=True):
    owner: str


class Deposit(Struct, frozen=True):
    entry: str
    cents: int


class Withdraw(Struct, frozen=True):
    entry: str
    cents: int


class Transfer(Struct, frozen=True):
    entry: str
    cents: int
    to: str


class Receive(Struct, frozen=True):
    entry: str
    cents: int
    sender: str


class Reverse(Struct, frozen=True):
    entry: str


AccountCommand: TypeAlias = Open | Deposit | Withdraw | Transfer | Receive | Reverse


class InsufficientFunds(Rejected):
    """The account does not hold enough money."""


class Account(Struct, frozen=True):
    """The entries in force are in `booked`, with their cents. `owner` is None if the account is not open."""

    owner: str | None = None
    booked: frozenset[tuple[str, int]] = frozenset()

    @property
    def balance(self) -> int:
        return sum(cents for _, cents in self.booked)

    def cents_of(self, entry: str) -> int | None:
        return next((cents for name, cents in self.booked if name == entry), None)


def decide(command: AccountCommand, account: Account) -> Sequence[AccountEvent]:
    if isinstance(command, Open):
        if account.owner is not None:
            raise Rejected("this account is already open")
        return [Opened(command.owner)]
    if account.owner is None:
        raise Rejected("there is no such account")
    if isinstance(command, Reverse):
        booked = account.cents_of(command.entry)
        if booked is not None and account.balance < booked:
            raise InsufficientFunds(f"{booked} cents were spent already")
        return [] if booked is None else [Reversed(command.entry, booked)]
    if account.cents_of(command.entry) is not None:
        return []  # this entry is booked already
    if command.cents <= 0:
        raise Rejected("an amount must be more than 0 cents")
    match command:
        case Deposit(entry, cents):
            return [Deposited(entry, cents)]
        case Receive(entry, cents, sender):
            return [TransferReceived(entry, cents, sender)]
        case _ if account.balance < command.cents:
            raise InsufficientFunds(f"the account holds {account.balance} cents")
        case Withdraw(entry, cents):
            return [Withdrawn(entry, cents)]
        case Transfer(entry, cents, to):
            return [TransferSent(entry, cents, to)]


def evolve(account: Account, event: AccountEvent) -> Account:
    match event:
        case Opened(owner):
            return replace(account, owner=owner)
        case Closed():
            return replace(account, owner=None)
        case Deposited(entry, cents) | TransferReceived(entry, cents):
            return replace(account, booked=account.booked | {(entry, cents)})
        case Withdrawn(entry, cents) | TransferSent(entry, cents):
            return replace(account, booked=account.booked | {(entry, -cents)})
        case Reversed(entry, cents):
            return replace(account, booked=account.booked - {(entry, cents)})


def invert(event: AccountEvent) -> AccountEvent:
    match event:
        case Opened(owner):
            return Closed(owner)
        case Closed(owner):
            return Opened(owner)
        case Deposited(entry, cents) | TransferReceived(entry, cents):
            return Reversed(entry, cents)
        case Withdrawn(entry, cents) | TransferSent(entry, cents):
            return Reversed(entry, -cents)
        case Reversed(entry, cents):
            return Deposited(entry, cents) if cents > 0 else Withdrawn(entry, -cents)


ACCOUNT: Decider[Account, AccountCommand, AccountEvent] = Decider("account", Account(), EVENTS, decide, evolve, invert)


def transfers(accounts: Repository[Account, AccountCommand, AccountEvent]) -> Reaction[TransferSent]:
    """Money that was sent arrives. If the other account refuses it, it is booked back."""

    def react(event: Recorded[TransferSent]) -> None:
        sent, sender = event.data, ACCOUNT.id_of(event.stream)
        meta = {"causation": event.id, "correlation": event.metadata.correlation or event.metadata.command}
        metadata = replace(event.metadata, by="transfers@bank", command=event.id, meta=meta)
        try:
            accounts.execute(sent.to, Receive(sent.entry, sent.cents, sender), metadata)
        except Rejected:
            accounts.execute(sender, Reverse(sent.entry), metadata)

    return Reaction("transfers", react, Query.of(kinds={ACCOUNT.kind}, types={"transfer_sent"}))


class Statement(Struct, frozen=True):
    """A month of an account: its cents at the beginning and at the end."""

    account: str
    opening: int
    closing: int


def statement(accounts: Repository[Account, AccountCommand, AccountEvent], account: str, year: int, month: int) -> Statement:
    begin = datetime(year, month, 1, tzinfo=UTC)
    over = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return Statement(account, _balance_before(accounts, account, begin), _balance_before(accounts, account, over))


def _balance_before(accounts: Repository[Account, AccountCommand, AccountEvent], account: str, moment: datetime) -> int:
    fold, _ = as_of(accounts, moment - timedelta(microseconds=1))
    entity = fold.get(ACCOUNT.stream(account))
    return 0 if entity is None else entity.state.balance
