"""Imports msgspec without what only few commands use of it."""

import sys
from types import ModuleType
from typing import Any

_RARELY_USED = ("msgspec.inspect", "msgspec.msgpack", "msgspec.toml", "msgspec.yaml", "textwrap")
"""Modules that msgspec imports. They would be an eighteenth of a whole short command."""


class _Postponed(ModuleType):
    """What msgspec has in place of a module. The module is imported when msgspec, or somebody through it, uses it."""

    def __getattr__(self, name: str) -> Any:
        """Return what has a name in the module."""
        from importlib import import_module

        return getattr(import_module(self.__name__), name)


def import_msgspec() -> None:
    """Import msgspec, and let it take others in place of the modules. Whoever else imports one of them gets the module."""
    postponed = [name for name in _RARELY_USED if name not in sys.modules]
    sys.modules.update((name, _Postponed(name)) for name in postponed)
    try:
        import msgspec  # noqa: F401  # so that it is there
    finally:
        for name in postponed:
            del sys.modules[name]
