"""Things that go wrong at a node, and the list of nodes a run went through."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from langgraph.errors import GraphBubbleUp
from langgraph.graph.state import CompiledStateGraph

from evals.scenario import Fault

Strike = Callable[[Fault], Awaitable[None]]
Graph = CompiledStateGraph[Any, Any, Any, Any]


class ProcessLostError(BaseException):
    """The process that worked on a run is gone.

    Not an `Exception`: nothing in the product may catch it, as nothing can catch `kill -9`.
    """


class Watchman:
    """Stands at every node of a graph: notes who passes, and lets faults strike.

    Args:
        faults: What goes wrong.
        strike: Does what is more than a crash.

    Attributes:
        path: Nodes in order; `name!` came to nothing.
    """

    def __init__(self, faults: Sequence[Fault], strike: Strike) -> None:
        self._faults = [fault for fault in faults if fault.at]
        self._left = [fault.times for fault in self._faults]
        self._strike = strike
        self.path: list[str] = []

    def at_every_node(self, graph: Graph) -> Graph:
        """Take up position in a freshly compiled graph; return it."""
        for name, node in graph.nodes.items():
            work = getattr(node.bound, "afunc", None)
            if work is not None and not name.startswith("__"):
                # The only hook that lies between a node's retries and its checkpoint.
                node.bound.afunc = self._watched(name, work)  # type: ignore[attr-defined]
        return graph

    def never_struck(self) -> list[str]:
        """Return the faults that have not happened."""
        return [
            f"{fault.kind} at {fault.at}"
            for fault, left in zip(self._faults, self._left, strict=True)
            if left
        ]

    def _watched(self, name: str, work: Callable[..., Awaitable[Any]]) -> Any:
        async def watched(*args: Any, **kwargs: Any) -> Any:
            place = len(self.path)
            self.path.append(name)
            try:
                await self._let_strike(name, "before")
                update = await work(*args, **kwargs)
                await self._let_strike(name, "after")
            except GraphBubbleUp:
                # It waits for a person and will be started anew: that start is the one that counts.
                del self.path[place]
                raise
            except BaseException:
                self.path[place] = f"{name}!"
                raise
            return update

        return watched

    async def _let_strike(self, name: str, when: str) -> None:
        for number, fault in enumerate(self._faults):
            if (fault.at, fault.when) == (name, when) and self._left[number] > 0:
                self._left[number] -= 1
                if fault.kind == "crash":
                    raise ProcessLostError
                await self._strike(fault)
