"""`Struct`, the base of every value in the pure rooms, and `replace`.

`msgspec.Struct` costs a fifth of a dataclass at start-up and is the JSON decoder's own type. Where msgspec can't be had
(WebAssembly), dataclasses stand in, so that the pure rooms and the memory store run there too.
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
            """A class whose subclasses become dataclasses. Of msgspec's options only `frozen` and `kw_only` matter here."""

            def __init_subclass__(cls, *, frozen: bool = False, kw_only: bool = False, **_options: object) -> None:
                super().__init_subclass__()
                dataclass(frozen=frozen, kw_only=kw_only)(cls)
                cls.__struct_fields__ = tuple(cls.__dataclass_fields__)


__all__ = ["Struct", "replace"]
