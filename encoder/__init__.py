"""Sentences as vectors on this machine: one small English model for the compiler and the knowledge store.

`encoder.load()` opens the versioned model file; `python -m encoder.build` makes it from the published weights.
"""

from encoder.files import DIM, MODEL_ID
from encoder.model import Encoder, installed, load
from encoder.table import QueryTable, query_table

__all__ = ["DIM", "MODEL_ID", "Encoder", "QueryTable", "installed", "load", "query_table"]
