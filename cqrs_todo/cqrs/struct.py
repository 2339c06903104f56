"""`Struct`, the base class of the values in the pure modules, and `replace`.

They are msgspec's. Defining a `msgspec.Struct` takes less time than defining a dataclass, which matters at start-up, and the
JSON decoder makes them directly. Without msgspec, for example under WebAssembly, dataclasses are used instead, so that the
pure modules and the memory store run there too.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from msgspec import Struct
    from msgspec.structs import replace
else:
    try:
        from msgspec import Struct
        from msgspec.structs import replace
    except ImportError:
        from dataclasses import dataclass, replace

        class Struct:
            """A class whose subclasses are dataclasses. Of msgspec's options, only `frozen` and `kw_only` matter here."""

            def __init_subclass__(cls, *, frozen: bool = False, kw_only: bool = False, **_options: object) -> None:
                """Make a subclass a dataclass."""
                super().__init_subclass__()
                dataclass(frozen=frozen, kw_only=kw_only)(cls)
                cls.__struct_fields__ = tuple(cls.__dataclass_fields__)


__all__ = ["Struct", "replace"]
