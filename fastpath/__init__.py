"""The serving plane: compile the catalogue, decide in microseconds, replay byte for byte.

The public face is `engine.FastPath`, `compiler.compile_catalogue`, `snapshot.Snapshot`,
`types.AdRequest` / `types.Answer`, `offline.decide_file`, `replay.replay` / `replay.explain` and
`reservation.Reservation`. Nothing here calls a model, a network service of its own choosing or an ORM.
"""

from fastpath._core import core_info

__all__ = ["core_info"]
