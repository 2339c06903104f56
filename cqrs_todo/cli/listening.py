"""The address on which `todo serve` listens, and the names under which others reach it."""

import errno
import os
import socket
from collections.abc import Sequence

from .errors import UsageError
from .session import check_text


def listen(host: str, port: int) -> socket.socket:
    """Return a socket on which the server listens.

    Raises:
        UsageError: The address cannot be used.
    """
    try:
        [(family, _, _, _, address), *_] = socket.getaddrinfo(
            check_text("host", host), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        return socket.create_server((str(address[0]), port), family=family, backlog=128)
    except (OSError, UnicodeError) as error:
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise UsageError(f"the port {port} is in use", f"name another one: --port {port + 1}, or 0 for any") from error
        why: object = error
        if isinstance(error, OSError):  # socket adds the address to the text; the resolver has numbers of its own
            known = None if isinstance(error, socket.gaierror) else error.errno
            why = error.strerror if known is None else os.strerror(known)
        raise UsageError(f"cannot listen on {host}, port {port}: {why}", "name another --host or --port") from error


def names_of(host: str) -> Sequence[str]:
    """Return the names under which others reach this machine at an address; for all addresses, those of this machine."""
    if host not in ("0.0.0.0", "::"):
        return [host]
    name = socket.gethostname()
    try:
        found = {str(info[4][0]).partition("%")[0] for info in socket.getaddrinfo(name, None)}
    except OSError:  # the name is not known to the network
        found = set()
    return [name, socket.getfqdn(), *sorted(found)]
