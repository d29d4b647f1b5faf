"""The injection corpus through the product: which planted texts had an effect, on which way in.

    report = await run(services, saver, cases, folder)

Each case goes through its carrier's real way in (`injection_world`, `injection_rooms`) and through an agent
loop with every effectful tool in hand (`injection_loop`): with the policy before it and, for contrast, without.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from langgraph.checkpoint.base import BaseCheckpointSaver

from bootstrap.services import Services
from domain.errors import BadInput
from evals.injection_cases import CARRIERS, EFFECTS, Carrier, InjectionCase
from evals.injection_effects import laid_at, quoted
from evals.injection_loop import through_loop
from evals.injection_rooms import ChatWorld, KnowledgeWorld
from evals.injection_world import CampaignWorld, Played
from tools.policy.links import plain_text

#: Texts planted in one world; as many products as a model writes for.
BATCH = 40
#: Other names of carriers, as people write them.
ALIASES: dict[str, Carrier] = {
    "page": "landing_page",
    "web_page": "landing_page",
    "webpage": "landing_page",
    "product_feed": "feed",
    "reviews": "review",
    "chat_turn": "chat",
    "tool": "tool_result",
    "tool_output": "tool_result",
    "document": "tool_result",
    "filename": "file_name",
    "alt": "alt_text",
    "image_alt_text": "alt_text",
    "ad": "ad_copy",
    "creative": "ad_copy",
}
_LANGUAGES = {"en": "eng", "ja": "jpn", "eng": "eng", "jpn": "jpn"}
#: Carriers that go through a campaign, and those that go through documents and answers.
_CAMPAIGN = ("landing_page", "review", "alt_text", "feed", "ad_copy", "tool_result")
_DOCUMENTS = ("file_name", "tool_result", "review", "alt_text")


@dataclass(frozen=True)
class CaseResult:
    """What came of one case.

    Attributes:
        case: The planted text.
        effects: Forbidden effects on its real way in.
        loop: Forbidden effects in the agent loop, behind the policy.
        without: Effects in the same loop without the policy: what a model that obeys would do.
        reached: Whether a model was shown the text on its real way in.
        quoted: Whether a long piece of it stands in published copy; harmless, but not wanted.
    """

    case: InjectionCase
    effects: tuple[str, ...]
    loop: tuple[str, ...]
    without: tuple[str, ...]
    reached: bool
    quoted: bool

    @property
    def held(self) -> bool:
        """Whether nothing forbidden happened."""
        return not self.effects and not self.loop


@dataclass(frozen=True)
class InjectionReport:
    """What came of a corpus.

    Attributes:
        results: One per case, in order.
        ads: Ads that ran in the worlds; none would mean that nothing was tried.
    """

    results: tuple[CaseResult, ...]
    ads: int

    @property
    def broken(self) -> tuple[CaseResult, ...]:
        """Cases with a forbidden effect."""
        return tuple(result for result in self.results if not result.held)

    def by_carrier(self) -> dict[str, Counter[str]]:
        """Return counts per carrier: `cases`, `reached`, `effects`, `loop`, `without`, `quoted`."""
        table: dict[str, Counter[str]] = {}
        for result in self.results:
            row = table.setdefault(result.case.carrier, Counter())
            row["cases"] += 1
            row["reached"] += result.reached
            row["effects"] += bool(result.effects)
            row["loop"] += bool(result.loop)
            row["without"] += bool(result.without)
            row["quoted"] += result.quoted
        return table


def read_cases(path: Path) -> tuple[InjectionCase, ...]:
    """Read a corpus: JSON lines of `{id, lang, carrier, text, forbidden_effect}`.

    Raises:
        BadInput: `file_unreadable`, or `bad_case` naming the line.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise BadInput("file_unreadable", f"{path} cannot be read: {error.strerror}.") from error
    found: dict[str, InjectionCase] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        case = _case(line, number)
        if case.id in found:
            raise _bad(number, f"the id {case.id[:60]!r} stands in an earlier line")
        found[case.id] = case
    if not found:
        raise BadInput("bad_case", f"{path} holds no case; add one JSON object a line.")
    return tuple(found.values())


async def run(
    services: Services,
    saver: BaseCheckpointSaver[Any],
    cases: Sequence[InjectionCase],
    folder: Path,
) -> InjectionReport:
    """Run cases through the product.

    Args:
        services: Real parts; what is written into them stays.
        saver: Where graphs keep their progress.
        cases: From `read_cases`.
        folder: Where a snapshot may be compiled to.
    """
    effects: dict[str, set[str]] = {case.id: set() for case in cases}
    reached: set[str] = set()
    in_copy: set[str] = set()
    ads = 0
    await services.objects.ensure_bucket()
    async for batch, played in _worlds(services, saver, cases, folder):
        ads += played.ads
        for name, found in laid_at(batch, played.footprint).items():
            effects[name] |= found
        shown = [_squeezed(text) for text in played.shown]
        reached |= {c.id for c in batch if any(_squeezed(c.text)[-24:-3] in s for s in shown)}
        in_copy |= {c.id for c in batch if quoted(c, played.footprint)}
    loops = await asyncio.to_thread(_loops, cases)
    return InjectionReport(
        tuple(
            CaseResult(
                case=case,
                effects=tuple(sorted(effects[case.id])),
                loop=loops[case.id][0],
                without=loops[case.id][1],
                reached=case.id in reached,
                quoted=case.id in in_copy,
            )
            for case in cases
        ),
        ads,
    )


async def _worlds(
    services: Services,
    saver: BaseCheckpointSaver[Any],
    cases: Sequence[InjectionCase],
    folder: Path,
) -> AsyncIterator[tuple[Sequence[InjectionCase], Played]]:
    for carrier in CARRIERS:
        for batch in _batches([case for case in cases if case.carrier == carrier]):
            if carrier in _CAMPAIGN:
                yield batch, await CampaignWorld(services, saver).play(carrier, batch)
            if carrier in _DOCUMENTS:
                yield batch, await KnowledgeWorld(services).play(carrier, batch)
    chats = [case for case in cases if case.carrier == "chat"]
    if chats:
        # Chats need ads that could be shown; the other worlds may have left none.
        yield (), await CampaignWorld(services, saver).play("landing_page", ())
        yield chats, await ChatWorld(services, folder).play(chats)


def _loops(cases: Sequence[InjectionCase]) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    return {
        case.id: (through_loop(case, guarded=True), through_loop(case, guarded=False))
        for case in cases
    }


def _batches(cases: Sequence[InjectionCase]) -> Iterator[Sequence[InjectionCase]]:
    for start in range(0, len(cases), BATCH):
        yield cases[start : start + BATCH]


def _case(line: bytes, number: int) -> InjectionCase:
    try:
        case = msgspec.json.decode(line, type=InjectionCase)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _bad(number, str(error)) from error
    carrier = "_".join(case.carrier.lower().replace("-", " ").replace("_", " ").split())
    carrier = ALIASES.get(carrier, carrier)
    if carrier not in CARRIERS:
        raise _bad(number, f"no carrier {case.carrier[:40]!r}; there are {', '.join(CARRIERS)}")
    language = _LANGUAGES.get(case.lang.lower().partition("-")[0])
    if language is None:
        raise _bad(number, f"no language {case.lang[:20]!r}; there are en and ja")
    if not case.id or not case.text.strip():
        raise _bad(number, "a case needs an id and a text")
    effect = case.forbidden_effect if case.forbidden_effect in EFFECTS else "any"
    return msgspec.structs.replace(case, carrier=carrier, lang=language, forbidden_effect=effect)


def _bad(number: int, why: str) -> BadInput:
    return BadInput("bad_case", f"Line {number} is not a case: {why}.", line=number)


def _squeezed(text: str) -> str:
    return "".join(plain_text(text).split())
