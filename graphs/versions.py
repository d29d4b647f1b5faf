"""Which version of each graph new runs are started on. Light: doors read it without loading any graph."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

#: A run is written down with its graph's version and finishes on that one, whatever is newest by then.
CURRENT: Mapping[str, str] = MappingProxyType(
    {"campaign": "2", "optimisation": "1", "content": "1"}
)
