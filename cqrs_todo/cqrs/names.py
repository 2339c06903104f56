"""The names of logs: which are allowed, and when two of them are the same."""

from .errors import InvalidLogName

_DEVICE_NAMES = {"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)}


_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


NAME_LIMIT = 64
"""The longest log name, in characters after NFC."""


NAME_BYTES = 200
"""The longest log name in bytes of UTF-8: a file's name has 255, some of which go to endings."""


def check_log_name(name: str) -> str:
    """The NFC form of a log's name, which every store uses.

    A name has 1 to 64 of: letters and digits of any script (and their marks), space, '.', '_', '-'; it neither begins
    with '.' or '-' nor begins or ends with a space, and is no device name of any system. Raises `InvalidLogName`.
    """
    if all(char in _PLAIN for char in name) and 0 < len(name) <= NAME_LIMIT and name.lower() not in _DEVICE_NAMES:
        return name  # as most are; what it takes to look at the others takes time to import

    import unicodedata

    normal = unicodedata.normalize("NFC", name)
    if not normal:
        raise InvalidLogName("a list's name can't be empty")
    if len(normal) > NAME_LIMIT:
        raise InvalidLogName(f"a list's name has at most {NAME_LIMIT} characters, this one {len(normal)}")
    if len(normal.encode(errors="surrogatepass")) > NAME_BYTES:
        raise InvalidLogName(f"a list's name has at most {NAME_BYTES} bytes in UTF-8, which file systems can hold")
    for char in normal:
        if unicodedata.category(char)[0] not in "LNM" and char not in " ._-":
            raise InvalidLogName(f"a list's name can't hold {char!a}: use letters, digits, space, '.', '_' or '-'")
    if normal[0] in ".-" or normal != normal.strip(" "):
        raise InvalidLogName(f"a list's name can't begin with '.' or '-' or begin or end with a space: {normal!a}")
    if normal.split(".")[0].strip().lower() in _DEVICE_NAMES:
        raise InvalidLogName(f"{normal!r} is the name of a device on some systems: choose another name for the list")
    return normal


def name_key(name: str) -> str:
    """What two names have in common that differ only by case or by how Unicode composes their letters.

    This is how a case-insensitive file system compares names, so that a folder with the logs can be copied to any system.

    Args:
        name: The name of a log, as `check_log_name` gives it.
    """
    if name.isascii():
        return name.lower()

    import unicodedata

    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())
