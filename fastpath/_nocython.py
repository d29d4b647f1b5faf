"""What `_core` needs of the `cython` module when Cython is not installed: names for annotations."""

from __future__ import annotations

compiled = False
ulonglong = int
longlong = int
bint = bool
