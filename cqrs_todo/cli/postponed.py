"""Imports msgspec without what only few commands use of it."""

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

_RARELY_USED = {
    "msgspec._json_schema": ("schema", "schema_components"),
    "msgspec.inspect": (),
    "msgspec.msgpack": (),
    "msgspec.toml": (),
    "msgspec.yaml": (),
    "re": ("compile",),
    "textwrap": (),
}
"""Modules that msgspec imports, and what it takes out of each. They would be a tenth of a whole short command."""
_BACKPORTS = "typing_extensions"
"""Where msgspec takes what CPython has in `typing` since 3.11. An extra may need it, and to import it takes long."""


def import_msgspec() -> None:
    """Import msgspec, and let it take others in place of the modules. Whoever else imports one of them gets the module."""
    hidden: dict[str, Any] = {name: _postponed(name) for name in _RARELY_USED} | {_BACKPORTS: None}
    hidden = {name: module for name, module in hidden.items() if name not in sys.modules}
    sys.modules.update(hidden)  # with None, an import raises `ImportError`, and msgspec goes on without it
    try:
        import msgspec  # noqa: F401  # so that it is there
    finally:
        for name in hidden:
            del sys.modules[name]


def _postponed(name: str) -> ModuleType:
    """Return what msgspec has in place of a module. The module is imported when msgspec, or somebody through it, uses it."""

    def get(attribute: str) -> Any:
        if attribute == "__path__":  # `from … import` asks for it, and none of the modules is a package
            raise AttributeError(attribute)
        from importlib import import_module

        return getattr(import_module(name), attribute)

    def function(called: str) -> Callable[..., Any]:
        return lambda *args: get(called)(*args)

    module = ModuleType(name)
    vars(module)["__getattr__"] = get  # as PEP 562 describes
    vars(module).update((called, function(called)) for called in _RARELY_USED[name])
    return module
