"""How far reactions have come, in a file for each: `reactions/<log id>/<reaction>.json`."""

import os

import msgspec

from ...errors import StoreUnavailable
from ...names import check_log_name
from ...store import Checkpoints
from .files import make_directory, os_errors_as_store_errors, replace_durably


class _Checkpoint(msgspec.Struct, frozen=True):
    position: int


_decode = msgspec.json.Decoder(_Checkpoint).decode


class FileCheckpoints(Checkpoints):
    """Checkpoints in files."""

    def __init__(self, directory: str) -> None:
        """Keep checkpoints.

        Args:
            directory: The path of a directory. It is made when the first checkpoint is kept.
        """
        self._directory = directory

    def load(self, reaction: str, log_id: str) -> int:
        """Return the position that a reaction has come to; see `Checkpoints`."""
        path = self._path(reaction, log_id)
        with os_errors_as_store_errors(path):
            try:
                with open(path, "rb") as file:
                    return _decode(file.read()).position
            except FileNotFoundError:
                return 0
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise StoreUnavailable(f"{path} holds no checkpoint: {error}; remove it to begin again") from error

    def save(self, reaction: str, log_id: str, position: int) -> None:
        """Keep the position that a reaction has come to; see `Checkpoints`."""
        path = self._path(reaction, log_id)
        with os_errors_as_store_errors(path):
            make_directory(os.path.dirname(path))
            replace_durably(path, msgspec.json.encode(_Checkpoint(position)) + b"\n")

    def _path(self, reaction: str, log_id: str) -> str:
        return os.path.join(self._directory, check_log_name(log_id), f"{check_log_name(reaction)}.json")
