# cython: boundscheck=True, wraparound=False, initializedcheck=False, nonecheck=True, annotation_typing=False
"""Reading the fields of a struct, some dozens for every decision: compiled, without a look into its type.

One source, compiled or not (types: `_fields.pxd`).
"""

from __future__ import annotations

from typing import Any

try:
    import cython
except ImportError:  # Cython is a build tool; plain Python needs only its names
    from fastpath import _nocython as cython

if not cython.compiled:
    from fastpath._nocython import place_of, slot_at


class Field:
    """One field of a struct or of another class with slots.

    Args:
        kind: The class; of any other, also of a subclass, the field is read as an attribute.
        name: Of the field.
    """

    def __init__(self, kind: type, name: str) -> None:
        self.kind = kind
        self.name = name
        self.place = place_of(getattr(kind, name))

    def of(self, one: Any) -> Any:
        """Return what stands in the field."""
        if self.place >= 0 and type(one) is self.kind:
            return slot_at(one, self.place)
        return getattr(one, self.name)
