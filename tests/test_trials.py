"""The trials in their short form, and that each catches a program weakened for it. `make trials` runs them whole."""

from pathlib import Path

import pytest

from tests.trials import TRIALS
from tests.trials.harness import Program, Size

CONTROLS = [(name, weakness) for name, trial in TRIALS.items() for weakness in trial.CONTROLS]


@pytest.mark.parametrize("name", TRIALS)
def test_nothing_is_lost_and_no_damage_is_silent(name: str, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    tally = TRIALS[name].trial(Program(tmp_path / "home"), Size.SHORT)
    if tally.skipped:
        pytest.skip(tally.skipped)
    assert tally.hits
    assert tally.clean, "\n".join([str(tally), *tally.examples])


@pytest.mark.parametrize(("name", "weakness"), CONTROLS)
def test_a_weakened_program_is_caught(name: str, weakness: str, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    tally = TRIALS[name].trial(Program(tmp_path / "home", weakness), Size.SHORT)
    if tally.skipped:
        pytest.skip(tally.skipped)
    assert not tally.clean, f"{tally}: a trial that can't fail shows nothing"


def test_every_trial_has_a_control() -> None:
    assert {name for name, _ in CONTROLS} == set(TRIALS)
