"""Where things are: as the platform wants it, without asking the library that knows wherever that can be told without it."""

from collections.abc import Mapping

import platformdirs
import pytest

from cqrs_todo.cli.config import APP, Kind, user_dir

HOMES = [{"HOME": "/home/jo"}, {"HOME": "/home/jo/"}, {"HOME": "/"}, {"HOME": ""}, {"HOME": "jo"}, {}]
NAMED = [{}, {"": "/elsewhere"}, {"": "/elsewhere/"}, {"": "/"}, {"": ""}, {"": "here"}, {"": "~/there"}, {"": " /space"}]
ASK = {
    "config": platformdirs.user_config_dir,
    "data": platformdirs.user_data_dir,
    "cache": platformdirs.user_cache_dir,
    "state": platformdirs.user_state_dir,
}


@pytest.mark.parametrize("kind", ASK)
@pytest.mark.parametrize("home", HOMES, ids=str)
@pytest.mark.parametrize("named", NAMED, ids=str)
def test_folders_are_those_that_platformdirs_names(
    kind: Kind, home: Mapping[str, str], named: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in home.items():
        monkeypatch.setenv(name, value)
    for value in named.values():
        monkeypatch.setenv(f"XDG_{kind.upper()}_HOME", value)
    assert user_dir(kind) == ASK[kind](APP)
