"""The parts of a URL: what is wrong with them, and what names the database without the password. This needs no library."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .rights import schemas_in, written

_LABEL, _NAME = 63, 253
"""The longest label of a host's name, and the longest name, in characters (RFC 1035)."""
ESCAPES = "in a name or a password, write / as %2F, @ as %40, % as %25, : as %3A and ? as %3F"


def wrong_part(given: Mapping[str, str]) -> str | None:
    """Return what is wrong with the parts of a URL that libpq could parse, if anything is.

    Args:
        given: The values in it, by libpq's names.
    """
    if "@" in given.get("host", "") + given.get("dbname", ""):
        return ESCAPES
    return _wrong_port(given) or next(filter(None, map(_wrong_host, given.get("host", "").split(","))), None)


def _wrong_port(given: Mapping[str, str]) -> str | None:
    """Return what is wrong with the ports, if anything is."""
    ports = given.get("port", "").split(",")
    if not all(port == "" or (port.isascii() and port.isdigit()) for port in ports):
        return ESCAPES  # a ':' in a password is taken for that before a port
    if not all(port == "" or (len(port) <= 5 and 1 <= int(port) <= 65535) for port in ports):
        return "a port is a number from 1 to 65535"
    hosts = given.get("host", given.get("hostaddr", "")).split(",")
    if len(ports) not in (1, len(hosts)):
        return "it names more or fewer ports than hosts"
    return None


def _wrong_host(host: str) -> str | None:
    """Return what is wrong with the name of a host, if anything is. A name that begins with / is the folder of a socket."""
    if host == "" or host.startswith("/"):
        return None
    if not host.isprintable() or " " in host:
        return "the host's name holds a space or a control character"
    if ":" in host:
        import ipaddress  # hosts have names, as a rule

        try:
            ipaddress.ip_address(host)
        except ValueError:
            return "the address of the host between [ and ] is not an IPv6 address"
        return None
    if not host.isascii():
        try:
            host = host.encode("idna").decode()
        except UnicodeError:
            return "the host's name is not a valid international name"
    labels = host.removesuffix(".").split(".")
    if not all(labels):
        return "a part of the host's name, between two dots or at an end, is empty"
    if max(map(len, labels)) > _LABEL or len(host) > _NAME:
        return f"the host's name is longer than {_NAME} characters, or a part between two dots longer than {_LABEL}"
    return None


_PLACE = ("hostaddr", "service", "options")
"""The parameters that say where the tables are. `options` can name their schema."""


def address(given: Mapping[str, Any]) -> str:
    """Return the URL of a database, without its password. Of the parameters it has those that say where the tables are.

    So the addresses of two schemas differ, and a command that names an address works on the same tables. Two ways to write
    the same options give one address.
    """
    name = str(given.get("user") or "").partition(":")[0]  # what follows may be a password that was escaped with the name
    user = f"{_escaped(name, '')}@" if name else ""
    host, port = (str(given.get(key) or "") for key in ("host", "port"))
    parameters = {key: str(given[key]) for key in _PLACE if given.get(key)}
    if "options" in parameters:
        parameters["options"] = " ".join(_in_one_form(parameters["options"]))
    places = ""
    if host and not any(each.startswith("/") for each in host.split(",")):
        hosts = [f"[{each}]" if ":" in each else _escaped(each, "") for each in host.split(",")]
        ports = port.split(",")
        if len(ports) == 1:  # of all hosts
            ports *= len(hosts)
        places = ",".join(f"{host}:{port}" if port else host for host, port in zip(hosts, ports, strict=True))
    else:  # the folder of a socket cannot stand before the name of the database
        parameters = {key: value for key, value in (("host", host), ("port", port)) if value} | parameters
    query = "&".join(f"{key}={_escaped(value, '/,:')}" for key, value in parameters.items())
    return f"postgresql://{user}{places}/{_escaped(str(given.get('dbname') or ''), '/')}{f'?{query}' if query else ''}"


_WORD = r"(?s)(?:[^\s\\]|\\.)+"
"""A word of `options`, as a server splits them: a backslash takes away the meaning of the character after it."""


def _in_one_form(options: str) -> Iterator[str]:
    """Yield the words of `options` so that those that mean the same are equal, however they were written."""
    words = (re.sub(r"\\(.)", r"\1", word, flags=re.DOTALL) for word in re.findall(_WORD, options))
    for word in words:
        if word.startswith(("-c", "--")):
            setting = word[2:] or next(words, "")
            name, equals, value = setting.partition("=")
            name = name.lower().replace("-", "_")
            value = ",".join(map(written, schemas_in(value))) if name == "search_path" else value
            word = f"-c{name}{equals}{value}"
        yield re.sub(r"([\s\\])", r"\\\1", word)


def _escaped(text: str, also: str) -> str:
    """Return a part of a URL. Letters and digits of all languages stay as they are, and so do the characters in `also`."""
    plain = [each.isalnum() or each in f"_.-~{also}" for each in text]
    if all(plain):
        return text
    from urllib.parse import quote  # few parts need escapes

    return "".join(each if is_plain else quote(each, "") for each, is_plain in zip(text, plain, strict=True))


_DEFAULTS = {"connect_timeout": "10", "tcp_user_timeout": "30000", "application_name": "cqrs"}


def with_defaults(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a connection, with our defaults for what was not given."""
    return {**_DEFAULTS, **given, "client_encoding": "utf8"}
