"""The compiled modules' source as plain Python, whose integers have no limit."""

from __future__ import annotations

from functools import cache
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

from fastpath import _auction
from fastpath._choose import Market


def load(name: str) -> Any:
    """Return a fresh module of the core as plain Python, whether or not it is compiled."""
    path = Path(__file__).with_name(f"{name}.py")
    spec = spec_from_loader(
        f"fastpath.{name}_plain", SourceFileLoader(f"fastpath.{name}_plain", str(path))
    )
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


#: The same, loaded once.
plain = cache(load)


def plain_market(snapshot: Any) -> Any:
    """Return the market of a snapshot for bids so high that sums would leave 64 bits."""
    return plain("_choose").Market(snapshot)


def kernel_of(market: Any) -> Any:
    """Return what auctions some columns: those that are plain Python stay so all the way."""
    return _auction if type(market) is Market else plain("_auction")
