"""Compile time: how telling each tag is, from how many ads of the catalogue have it."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_PPM: Final = 1_000_000
#: A catalogue smaller than this counts as this large: in a small one every tag is frequent.
_LEAST_ADS: Final = 1_000
_LEAST_TAG: Final = 250_000
_LEAST_TOPIC: Final = 100_000
_BITS: Final = 20


def tag_weights(counts: Any, ads: int, topics: Any) -> NDArray[np.int32]:
    """Return the weight of each tag: 1,000,000 where one ad has it, less the more ads do.

    The share of the logarithm of the catalogue's size that is left after the tag was heard; a topic's is
    half of that, since its words say less than a keyword the advertiser chose.

    Args:
        counts: How many ads each tag has, whole numbers, shape (tags,).
        ads: Ads of the catalogue.
        topics: Whether the tag stands for an IAB topic, shape (tags,).

    Returns:
        Parts per million, int32, shape (tags,).
    """
    found, places = np.unique(np.asarray(counts, dtype=np.int64), return_inverse=True)
    whole = log2_units(max(ads, _LEAST_ADS))
    known = [_PPM - _PPM * log2_units(max(int(count), 1)) // whole for count in found]
    weights = np.asarray(known, dtype=np.int64)[places] if len(found) else np.zeros(0, np.int64)
    own = np.maximum(weights, _LEAST_TAG)
    shared = np.maximum(weights // 2, _LEAST_TOPIC)
    return np.where(np.asarray(topics, dtype=bool), shared, own).astype(np.int32)


def log2_units(number: int) -> int:
    """Return the logarithm to base 2 in units of 2**-20, the same on every machine."""
    whole = number.bit_length() - 1
    fraction = number << 62 >> whole
    out = whole
    for _ in range(_BITS):
        fraction = fraction * fraction >> 62
        out <<= 1
        if fraction >> 63:
            fraction >>= 1
            out += 1
    return out
