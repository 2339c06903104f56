"""The quick trials in their short form. `make trials` runs all in full, and holds that each catches a weakened program."""

from pathlib import Path

import pytest

from tests.trials.harness import LOST, SILENT, Control, Program, Size, Tally
from tests.trials.registry import TRIALS
from tests.trials.weak import KINDS

SHORT = {"alterations", "clocks", "merges", "power", "repairs"}
"""The trials whose short form takes less than two seconds. Only `python -m tests.trials` runs the others."""


@pytest.mark.parametrize("name", sorted(SHORT))
def test_nothing_is_lost_and_no_damage_is_silent(name: str, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    tally = TRIALS[name].trial(Program(tmp_path / "home"), Size.SHORT)
    if tally.skipped:
        pytest.skip(tally.skipped)
    assert tally.reached, "the fault was never reached"
    assert tally.clean, "\n".join([str(tally), *tally.examples])


def test_every_trial_has_a_control() -> None:
    assert all(trial.CONTROLS for trial in TRIALS.values())
    assert set(TRIALS) >= SHORT


def test_every_weakness_is_the_control_of_some_trial() -> None:
    assert {control.weakness for trial in TRIALS.values() for control in trial.CONTROLS} == set(KINDS)


def test_a_control_names_a_kind_and_a_cause() -> None:
    for trial in TRIALS.values():
        for control in trial.CONTROLS:
            kind, _, cause = control.wrong.partition(": ")
            assert kind in (LOST, SILENT)
            assert cause


def test_a_control_that_fails_for_another_reason_is_not_caught() -> None:
    control = Control("no-fsync", f"{LOST}: a commit is missing")
    tally = Tally(cases=1, reached=1)
    assert not tally.catches(control)
    tally.wrong(f"{SILENT}: a traceback", "…")
    tally.wrong(f"{LOST}: the next command was refused", "…")
    assert not tally.catches(control)
    tally.wrong(control.wrong, "…")
    assert tally.catches(control)
    tally.reached = 0
    assert not tally.catches(control), "a case whose fault was never reached shows nothing"
