"""Modules that msgspec imports, and that few commands use. They are imported when they are used."""

import sys
from types import ModuleType
from typing import Any

_unused = {"msgspec.inspect", "msgspec.msgpack", "msgspec.toml", "msgspec.yaml", "textwrap"}
"""The names of the modules that nothing has used so far."""


class _Postponed(ModuleType):
    """Stands for a module in `sys.modules`, and imports the module when something in it is asked for."""

    def __getattr__(self, name: str) -> Any:
        """Return what has a name in the module."""
        from importlib import import_module

        if self.__name__ in _unused:
            try:
                _unused.remove(self.__name__)
            except KeyError:  # another thread has removed it since, and imports the module
                pass
            else:
                del sys.modules[self.__name__]
        module: ModuleType = self
        while module is self:  # until that thread has begun to import it
            module = import_module(self.__name__)
        return getattr(module, name)


def postpone_imports() -> None:
    """Postpone the imports of the modules until they are used. They would be an eighteenth of a whole short command."""
    for name in _unused - sys.modules.keys():
        sys.modules[name] = _Postponed(name)
