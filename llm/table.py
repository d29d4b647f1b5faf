"""The table of models (`models.yaml`): what each can do, costs and is good at, and in which order to ask.

Prices, names and dates are data with a source and an expiry. An installation's own file (same form) adds
models and replaces entries; it is where measured quality and negotiated prices belong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import yaml

from domain.errors import BadInput

#: Providers that can be configured, and how LangChain calls them.
PROVIDERS = {"openai": "openai", "anthropic": "anthropic", "xai": "xai"}
#: Environment variables with the key of each provider.
KEYS = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY", "xai": "XAI_API_KEY"}

Policy = Literal["quality", "cost", "latency"]

_MILLION = 1_000_000
#: What is assumed of a model that is not in the table. Its price stays unknown.
_UNKNOWN_CONTEXT = 128_000
_UNKNOWN_LATENCY_MS = 10_000
_UNKNOWN_QUALITY = 50
#: Tokens of a usual answer, for comparing prices before a question is known.
_USUAL_INPUT, _USUAL_OUTPUT = 2_000, 700


@dataclass(frozen=True)
class Surcharge:
    """What a long request costs: percent of the list price beyond `tokens` of input."""

    tokens: int
    input_percent: int
    output_percent: int


@dataclass(frozen=True)
class ModelCard:
    """One line of the table.

    Attributes:
        spec: `provider:model`.
        input_micros, output_micros: Micros of a US dollar per million tokens; None = not known.
        context: Tokens that fit, question and answer together.
        max_output: Most tokens of an answer.
        tools, json: Whether it calls functions and keeps to a schema.
        quality: 0 to 100 by task, `default` for all others.
        latency_ms: Usual time of an answer, until calls were observed.
        long: Surcharge on long requests.
        checked_on, expires_on: When the line was compared with its source, and when it has to be again.
        retires_on: When the provider ends the model.
        source, basis: Where the figures are from and how far they were checked.
    """

    spec: str
    input_micros: int | None = None
    output_micros: int | None = None
    context: int = _UNKNOWN_CONTEXT
    max_output: int = 8_192
    tools: bool = True
    json: bool = True
    quality: Mapping[str, int] = field(default_factory=dict)
    latency_ms: int = _UNKNOWN_LATENCY_MS
    long: Surcharge | None = None
    checked_on: date | None = None
    expires_on: date | None = None
    retires_on: date | None = None
    source: str = ""
    basis: str = ""

    @property
    def provider(self) -> str:
        """The provider's name."""
        return self.spec.partition(":")[0]

    @property
    def priced(self) -> bool:
        """Whether the price is known."""
        return self.input_micros is not None and self.output_micros is not None

    def quality_for(self, task: str) -> int:
        """Return how good it is at a task, 0 to 100."""
        return self.quality.get(task, self.quality.get("default", _UNKNOWN_QUALITY))

    def cost_micros(self, input_tokens: int, output_tokens: int) -> int | None:
        """Return the price of a call in micros of a US dollar, rounded up; None if it is not known."""
        if self.input_micros is None or self.output_micros is None:
            return None
        into, out = self.input_micros * input_tokens, self.output_micros * output_tokens
        if self.long is not None and input_tokens > self.long.tokens:
            into = into * self.long.input_percent // 100
            out = out * self.long.output_percent // 100
        return -(-(into + out) // _MILLION)


class ModelTable:
    """Cards by spec."""

    def __init__(self, cards: Sequence[ModelCard]) -> None:
        self._cards = {card.spec: card for card in cards}

    def __iter__(self) -> Any:
        return iter(self._cards.values())

    def card(self, spec: str) -> ModelCard:
        """Return what is known of a model; a card without a price if nothing is."""
        return self._cards.get(spec) or ModelCard(spec)

    def with_cards(self, cards: Sequence[ModelCard]) -> ModelTable:
        """Return a table with these cards added, or put in place of those of the same name."""
        return ModelTable([*self._cards.values(), *cards])

    def order(
        self,
        specs: Sequence[str],
        task: str,
        policy: Policy,
        observed_ms: Mapping[str, int] | None = None,
    ) -> list[ModelCard]:
        """Return the cards in the order in which to ask them.

        Args:
            specs: The configured models; their order decides between equals.
            task: What is to be done.
            policy: `quality`: best first; `cost`: cheapest first, unknown prices last; `latency`: quickest
                first, by what was observed if there is something.
            observed_ms: Median milliseconds by spec.
        """
        cards = [self.card(spec) for spec in specs]
        seen = observed_ms or {}
        if policy == "quality":
            return sorted(cards, key=lambda card: -card.quality_for(task))
        if policy == "cost":
            return sorted(cards, key=_usual_price)
        return sorted(cards, key=lambda card: seen.get(card.spec, card.latency_ms))

    def stale(self, specs: Sequence[str], day: date, *, ahead_days: int = 30) -> list[str]:
        """Return one sentence for each configured model whose line has expired, will soon, or is missing."""
        soon = day + timedelta(days=ahead_days)
        said = []
        for spec in specs:
            card = self._cards.get(spec)
            if card is None:
                said.append(
                    f"{spec} is not in the table of models: its price is unknown and no budget can hold it."
                )
            elif card.retires_on is not None and card.retires_on <= soon:
                said.append(f"{spec} ends on {card.retires_on.isoformat()}; choose its successor.")
            elif card.expires_on is not None and card.expires_on <= soon:
                said.append(
                    f"The price of {spec} has to be checked again by {card.expires_on.isoformat()}."
                )
        return said


def _usual_price(card: ModelCard) -> tuple[bool, int]:
    price = card.cost_micros(_USUAL_INPUT, _USUAL_OUTPUT)
    return price is None, price or 0


def specs_of(setting: str) -> tuple[str, ...]:
    """Return the models a setting names: `offline`, one `provider:model`, or several with commas.

    `offline` behind others is allowed and changes nothing: it is always the last rung.

    Raises:
        BadInput: `llm_spec` if the setting is not understood.
    """
    parts = [part.strip() for part in setting.split(",")]
    live = [part for part in parts if part != "offline"]
    for spec in live:
        provider, _, name = spec.partition(":")
        if provider not in PROVIDERS or not name:
            raise BadInput(
                "llm_spec",
                f"{spec!r} is not a model; use offline, or one or more of "
                f"{', '.join(f'{p}:MODEL' for p in sorted(PROVIDERS))}, separated by commas.",
            )
    if "offline" in parts and parts[-1] != "offline":
        raise BadInput("llm_spec", "offline can only stand last: it always answers.")
    return tuple(dict.fromkeys(live))


@cache
def built_in_table() -> ModelTable:
    """Return the table that comes with Parley."""
    return ModelTable(read_cards(files("llm").joinpath("models.yaml").read_text("utf-8")))


def load_table(path: Path | None = None) -> ModelTable:
    """Return the built-in table, with an installation's own lines over it.

    Raises:
        BadInput: `llm_table` if the file cannot be read or breaks the form.
    """
    if path is None:
        return built_in_table()
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise BadInput("llm_table", f"The table of models {path} cannot be read.") from error
    return built_in_table().with_cards(read_cards(text))


def read_cards(text: str) -> list[ModelCard]:
    """Parse the lines of a table.

    Raises:
        BadInput: `llm_table`, naming the line that is wrong.
    """
    try:
        entries = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadInput("llm_table", "The table of models is not valid YAML.") from error
    if not isinstance(entries, list):
        raise BadInput("llm_table", "The table of models must be a list.")
    return [_card(entry) for entry in entries]


def _card(entry: Any) -> ModelCard:
    try:
        spec = str(entry["model"])
        known = {k: v for k, v in entry.items() if k != "model"}
        long = known.pop("long", None)
        if long is not None:
            known["long"] = Surcharge(long["from"], long["input_percent"], long["output_percent"])
        card = ModelCard(spec=spec, **known)
        specs_of(spec)
        sound = min(card.context, card.max_output, card.latency_ms) > 0
        sound = sound and all(0 <= score <= 100 for score in card.quality.values())
        sound = sound and min(card.input_micros or 0, card.output_micros or 0) >= 0
        sound = sound and card.checked_on is not None and card.expires_on is not None
    except (KeyError, TypeError, BadInput) as error:
        raise BadInput(
            "llm_table", f"This line of the table of models is wrong: {entry}."
        ) from error
    if not sound:
        raise BadInput("llm_table", f"{spec}: a figure or date in the table of models is wrong.")
    return card
