"""The installation's own encoder as an `Embedder`: known by name at once, loaded when first used."""

from __future__ import annotations

import encoder
from rag.types import Vectors


class LocalEmbedder:
    """all-MiniLM on this machine.

    Attributes:
        model_id, languages: See `rag.ports.Embedder`.
    """

    model_id: str = encoder.MODEL_ID
    languages: tuple[str, ...] = ("eng",)

    def embed(self, texts: list[str]) -> Vectors:
        """Return vectors.

        Raises:
            Unavailable: `encoder_missing`, `encoder_stale`.
        """
        return encoder.load().embed(texts)
