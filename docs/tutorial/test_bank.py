"""Tests of the bank account: stories, laws, a store compared with the model, transfers, statements."""

from datetime import UTC, datetime
from functools import reduce

import pytest
from bank import (
    ACCOUNT,
    TYPES,
    Account,
    AccountCommand,
    AccountEvent,
    Deposit,
    Deposited,
    InsufficientFunds,
    Open,
    Opened,
    Receive,
    Reverse,
    Reversed,
    Transfer,
    TransferReceived,
    TransferSent,
    Withdraw,
    Withdrawn,
    evolve,
    statement,
    transfers,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from cqrs_todo.cqrs import (
    AlwaysSnapshot,
    Fold,
    MemorySnapshots,
    Metadata,
    Rejected,
    Repository,
    Runner,
    open_store,
    replace,
    undo_events,
    undo_steps,
)
from cqrs_todo.cqrs.testing.stories import given as story
from cqrs_todo.cqrs.testing.strategies import event_sequences, machine


def test_money_goes_in_and_out() -> None:
    story(ACCOUNT).when(Open("Ada")).then(Opened("Ada"))
    story(ACCOUNT, Opened("Ada")).when(Deposit("d1", 500)).then(Deposited("d1", 500))
    story(ACCOUNT, Opened("Ada"), Deposited("d1", 500)).when(Withdraw("w1", 200)).then(Withdrawn("w1", 200))


def test_the_same_entry_is_booked_once() -> None:
    story(ACCOUNT, Opened("Ada"), Deposited("d1", 500)).when(Deposit("d1", 500)).then_nothing()


def test_nobody_spends_more_than_there_is() -> None:
    account = story(ACCOUNT, Opened("Ada"), Deposited("d1", 500), Withdrawn("w1", 400))
    account.when(Withdraw("w2", 101)).then_rejected(InsufficientFunds, "holds 100 cents")
    account.when(Transfer("t1", 101, "bob")).then_rejected(InsufficientFunds)
    account.when(Reverse("d1")).then_rejected(InsufficientFunds, "were spent")
    account.when(Deposit("d2", 0)).then_rejected(Rejected, "more than 0 cents")
    story(ACCOUNT).when(Deposit("d1", 1)).then_rejected(Rejected, "no such account")
    story(ACCOUNT, Opened("Ada")).when(Open("Eve")).then_rejected(Rejected, "already open")


def test_a_reversal_is_the_opposite_entry() -> None:
    story(ACCOUNT, Opened("Ada"), Deposited("d1", 500)).when(Reverse("d1")).then(Reversed("d1", 500))
    story(ACCOUNT, Opened("Ada")).when(Reverse("d1")).then_nothing()


entries = st.sampled_from(["e1", "e2", "e3"])
amounts = st.integers(1, 9)
commands: st.SearchStrategy[AccountCommand] = st.one_of(
    st.builds(Open, st.just("Ada")),
    st.builds(Deposit, entries, amounts),
    st.builds(Withdraw, entries, amounts),
    st.builds(Transfer, entries, amounts, st.just("bob")),
    st.builds(Receive, entries, amounts, st.just("bob")),
    st.builds(Reverse, entries),
)


@given(event_sequences(ACCOUNT, commands))
def test_no_history_leads_below_zero_and_each_can_be_undone(events: list[AccountEvent]) -> None:
    states = [Account()]
    for event in events:
        states.append(ACCOUNT.evolve(states[-1], event))
        assert states[-1].balance >= 0
    for event, before, after in reversed(list(zip(events, states, states[1:], strict=False))):
        assert ACCOUNT.evolve(after, ACCOUNT.inverse(event)) == before


def test_a_store_gives_the_same_results_as_the_functions() -> None:
    run_state_machine_as_test(
        machine(ACCOUNT, commands, lambda types: open_store("memory:", types)),
        settings=settings(max_examples=20, stateful_step_count=15, deadline=None),
    )


def at(day: int, month: int = 11) -> Metadata:
    return Metadata(datetime(2026, month, day, 9, tzinfo=UTC), "ada@bank", f"{month}-{day}", {})


def test_a_transfer_arrives_once_or_comes_back() -> None:
    store = open_store("memory:", TYPES)
    log = store.create("accounts", datetime(2026, 11, 1, tzinfo=UTC))
    accounts = Repository(log, ACCOUNT)
    accounts.execute("ada", Open("Ada"), at(1))
    accounts.execute("bob", Open("Bob"), at(2))
    accounts.execute("ada", Deposit("d1", 500), at(3))
    accounts.execute("ada", Transfer("t1", 200, "bob"), at(4))
    accounts.execute("ada", Transfer("t2", 50, "nobody"), at(5))
    reaction = transfers(accounts)
    runner = Runner(store, log, reaction)
    assert (runner.catch_up(), runner.catch_up()) == (2, 0)
    balances = {entity.stream: entity.state.balance for entity in accounts.fold()}
    assert balances == {"account/ada": 300, "account/bob": 200}
    assert [event.data for event in log.events(5)] == [TransferReceived("t1", 200, "ada"), Reversed("t2", -50)]
    for event in [event for event in log.events() if isinstance(event.data, TransferSent)]:
        reaction.react(event)  # as after a crash before the checkpoint was stored
    assert {entity.stream: entity.state.balance for entity in accounts.fold()} == balances
    with pytest.raises(Rejected):
        accounts.execute("nobody", Withdraw("w1", 1), at(6))


def undo(accounts: Repository[Account, AccountCommand, AccountEvent], metadata: Metadata) -> None:
    def plan(fold: Fold[Account]) -> tuple[dict[str, list[AccountEvent]], Metadata]:
        fold.depend_on_everything()
        step = next(undo_steps(accounts.log.commits_backward()), ())
        commits = [commit for commit in map(accounts.log.find_command, step) if commit is not None]
        changes = undo_events(ACCOUNT, commits)
        for stream, events in changes.items():
            if reduce(evolve, events, fold[stream].state).balance < 0:
                raise InsufficientFunds("the money was spent already")
        return changes, replace(metadata, meta={"undoes": list(step)})

    accounts.transact(plan, metadata.command)


def test_the_last_command_is_undone() -> None:
    log = open_store("memory:", TYPES).create("accounts", datetime(2026, 11, 1, tzinfo=UTC))
    accounts = Repository(log, ACCOUNT)
    accounts.execute("ada", Open("Ada"), at(1))
    accounts.execute("ada", Deposit("d1", 500), at(2))
    accounts.execute("ada", Withdraw("w1", 200), at(3))
    undo(accounts, at(4))
    assert accounts.load_or_default("ada").state.balance == 500
    undo(accounts, at(5))
    undo(accounts, at(5))
    assert accounts.load_or_default("ada").state == Account("Ada"), "a command that comes again undoes nothing more"
    accounts.execute("ada", Deposit("d2", 300), at(6))
    accounts.execute("ada", Withdraw("w2", 100), at(7))
    assert [event.data for event in log.events(5)] == [Deposited("d2", 300), Withdrawn("w2", 100)]


def test_statements() -> None:
    log = open_store("memory:", TYPES).create("accounts", datetime(2026, 10, 1, tzinfo=UTC))
    accounts = Repository(log, ACCOUNT, snapshots=MemorySnapshots(), strategy=AlwaysSnapshot())
    accounts.execute("ada", Open("Ada"), at(1, 10))
    accounts.execute("ada", Deposit("d1", 500), at(31, 10))
    accounts.execute("ada", Withdraw("w1", 100), at(1, 11))
    accounts.execute("ada", Reverse("d1-typo"), at(2, 11))
    accounts.execute("ada", Deposit("d2", 70), at(1, 12))
    months = [statement(accounts, "ada", 2026, month) for month in (9, 10, 11, 12)]
    assert [(month.opening, month.closing) for month in months] == [(0, 0), (0, 500), (500, 400), (400, 470)]
    assert statement(accounts, "bob", 2026, 11).closing == 0
