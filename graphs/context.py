"""What nodes get to work with: parts of the installation, never part of the state."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import date
from typing import TypeVar, cast

from domain.events import Plain, Progress, ProgressType
from domain.evidence import Passage
from domain.ids import Ids, stable_id
from domain.time import Clock, day_of
from llm.images import ImageModel
from llm.router import ModelRouter
from storage.database import Database
from storage.objects import ObjectStore
from tools.provenance import Credentials, development
from tools.web import ReadWeb

T = TypeVar("T")
#: Stands where an answer gave its instructions away.
_WITHHELD = "[withheld]"

Emit = Callable[[Progress], Awaitable[None]]
Fetch = Callable[[str], Awaitable[bytes]]
Retrieve = Callable[[str, int], Awaitable[tuple[Passage, ...]]]
#: Makes a reader of the web that reads some hosts and no others.
Web = Callable[[Collection[str]], ReadWeb]


@dataclass(frozen=True)
class GraphContext:
    """Run-time dependencies of a graph, handed over as LangGraph's context.

    Attributes:
        run_id, org_id: Whose run this is.
        db, objects: Where things are kept.
        router: The only way to a model.
        fetch: Reads a public web page; raises typed errors.
        emit: Publishes progress.
        demo_policy: Whether the demo approval policy may approve (development only).
        retrieve: Asks the organisation's documents (question, how many passages); None without a store.
        web: Makes a reader of given hosts; None reads none.
        images: Paints backgrounds; None if rules paint alone.
        credentials: Gives what content is signed with; those of development by default.
    """

    run_id: str
    org_id: str
    db: Database
    objects: ObjectStore
    router: ModelRouter
    clock: Clock
    ids: Ids
    fetch: Fetch
    emit: Emit
    demo_policy: bool = False
    retrieve: Retrieve | None = None
    web: Web | None = None
    images: ImageModel | None = None
    credentials: Callable[[], Credentials] = development

    @property
    def today(self) -> date:
        """The UTC day on which the run is being worked on."""
        return day_of(self.clock.now_ms())

    async def tell(
        self, kind: ProgressType, step: str, message: str, **data: Plain | list[Plain]
    ) -> None:
        """Publish one line of progress; words that stand in a system prompt only are left out of it."""
        await self.emit(
            Progress(
                run_id=self.run_id,
                type=kind,
                step=step,
                message=self._without_canary(message),
                at_ms=self.clock.now_ms(),
                data={name: self._without_canary(value) for name, value in data.items()},
                org_id=self.org_id,
                campaign_id=stable_id("cmp", self.run_id),
            )
        )

    def _without_canary(self, value: T) -> T:
        canary = self.router.canary
        if not canary or canary not in str(value):
            return value
        return cast(T, _WITHHELD)
