"""What a scenario says: a small world, a person with a script, what goes wrong, and what must come of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

Kind = Literal["brief", "campaign", "chat", "content", "optimisation"]
#: Kinds that play a graph of that name.
GRAPHS: frozenset[Kind] = frozenset({"campaign", "content", "optimisation"})
Source = Literal["page", "feed"]
Question = Literal["needs_input", "awaiting_approval"]


class Persona(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose words the script speaks.

    Attributes:
        name: Signs answers and approvals (`person:<name>`).
        about: One sentence for people who read the report.
    """

    name: str
    about: str = ""


class Inputs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a run starts with beside its goal.

    Attributes:
        sources: Which of the world's page and feed were uploaded.
        site_url: An address that the run reads by itself, from the world's web.
        approval_mode: Who approves.
        approval_policy: Limits of the policy, if `policy` approves.
        controls: Targeting asked for beside the goal.
        order: Of a content run: fields of `graphs.content.order.ContentOrder`; `logo: true` uploads the world's.
        window_days: Of an optimisation run: how many days are looked at.
    """

    sources: tuple[Source, ...] = ("page", "feed")
    site_url: str | None = None
    approval_mode: Literal["person", "demo", "policy"] = "person"
    approval_policy: dict[str, Any] = {}
    controls: dict[str, Any] = {}
    order: dict[str, Any] = {}
    window_days: int = 28


class Move(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the person does when the run asks something.

    Attributes:
        asked: The question this move answers; another one there is a failure of the trajectory.
        missing: What must be asked, if the scenario cares.
        after_s: Virtual seconds that pass first.
        say, fields: An answer in words, and as fields of the brief (`feed_source_id: true` uploads the
            world's feed first).
        edit: Amounts and fields of the campaign that are changed before the decision, as the person's
            own request through the channel port with its guards.
        campaign: Name of the world's campaign that is edited, where the run is about several.
        refused: Code with which the guards must refuse that edit; empty = it must be taken.
        then: The decision; anything else than `approve` must not launch.
        shown: Whether the decision names the change that was shown; an edit afterwards makes it void.
        note: Words beside the decision.
    """

    asked: Question
    missing: tuple[str, ...] | None = None
    after_s: int = 0
    say: str = ""
    fields: dict[str, Any] = {}
    edit: dict[str, Any] = {}
    campaign: str = ""
    refused: str = ""
    then: str = ""
    shown: bool = False
    note: str = ""


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that goes wrong.

    Attributes:
        kind: `crash`: the process is lost at a node, and another goes on from the checkpoint. `database`:
            every connection to the database is cut. `slow`: virtual time passes. `stop`: somebody
            switches spending off. `end`: somebody ends the campaign. `redis`: Redis is not there at all.
        at: The node, for all but `redis`.
        when: Before its work, or after it and before the checkpoint.
        times: How often.
        seconds: How long, for `slow`.
    """

    kind: Literal["crash", "database", "slow", "stop", "end", "redis"]
    at: str = ""
    when: Literal["before", "after"] = "before"
    times: int = 1
    seconds: int = 0


class ProviderStep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model's provider sends, in its own wire format.

    Attributes:
        task: Name of the function that is asked for; `*` is any.
        answer: Its arguments.
        text: Plain words instead of a call.
        status: An HTTP status instead of an answer.
        drop: Cut the connection instead.
        times: How often this step serves; 0 = for ever.
    """

    task: str = "*"
    answer: dict[str, Any] | None = None
    text: str = ""
    status: int = 200
    drop: bool = False
    times: int = 1


class ChatTurn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One request of a chat product.

    Attributes:
        conversation: Which conversation; turns of one share cooldown and memory.
        after_s: Virtual seconds since the request before.
        say: The user's words so far; a list is several turns, `assistant: …` is the machine's.
        geo, language, formats, ads_consent, topics, muted, device: As the host sends them.
        clicks: The person clicks what they are shown; it is charged.
        expect: What the answer must look like (see `evals.match`): `ad`, `reason`, `label`, `advertiser`,
            `language`, `format`, `price_micros`, `currency`.
    """

    conversation: str = "c1"
    after_s: int = 0
    say: str | tuple[str, ...]
    geo: str | None = None
    language: str | None = None
    formats: tuple[str, ...] | None = None
    ads_consent: bool | None = None
    topics: tuple[str, ...] = ()
    muted: tuple[str, ...] = ()
    device: str | None = None
    clicks: bool = False
    expect: dict[str, Any] = {}


class Expect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The end state.

    Attributes:
        outcome: `launched`, `done`, `refused`, `rejected`, `failed`, `waits:<question>` or `error:<code>`.
        brief: Fields of the brief.
        state: The organisation's data (see `evals.state`).
        says: Each must stand in a line of progress, a question or the reason.
        silent_on: None of these may stand in anything that is shown or kept.
        tables: Rows that each table may gain; a table that is not named may gain none. None = what the
            outcome allows (`evals.graders.ALLOWED`).
    """

    outcome: str = ""
    brief: dict[str, Any] = {}
    state: dict[str, Any] = {}
    says: tuple[str, ...] = ()
    silent_on: tuple[str, ...] = ()
    tables: dict[str, Any] | None = None


class Budgets(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a run may use up.

    Attributes:
        cost_micros: Money for models, micros of a US dollar.
        tokens: Of paid models.
        calls: Questions to any model, the rules included.
        seconds: Processor time of one repetition; a busy machine is not the product's fault.
    """

    cost_micros: int = 0
    tokens: int = 0
    calls: int = 60
    seconds: float = 15.0


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One scenario.

    Attributes:
        id: Name of its file.
        title: One sentence.
        language: Whose words it tries.
        kind: `brief` reads a goal, `campaign`, `content` and `optimisation` run that graph, `chat` asks the fast
            path; a campaign with `chat` goes on into chats.
        about: What it is about; the report sums up by these.
        rule_decidable: Whether rules can decide it: those must pass in every repetition.
        world: Name of a world in `evals/worlds`.
        clock: When it begins.
        seed: Of ids.
        model: Setting of the models; `offline` asks nobody.
        provider: What the provider of that model says.
        cassette: Name of a recording that answers instead of the provider.
        tools: What may be used: `web`, `model:<task>` (`model:*` for all), `channel:<name>`.
        forbid: Effects that must not happen (`evals.graders.FORBIDDEN`).
        trajectory: Nodes in order, as a pattern (see `evals.trajectory`).
        judge: A question to a model about what was written; see `evals.judge`.
    """

    id: str
    title: str
    language: Literal["eng", "jpn"]
    kind: Kind
    about: tuple[str, ...]
    rule_decidable: bool = True
    world: str = "kaze"
    clock: datetime
    seed: int = 1
    persona: Persona = Persona(name="anna")
    goal: str = ""
    inputs: Inputs = Inputs()
    model: str = "offline"
    provider: tuple[ProviderStep, ...] = ()
    cassette: str = ""
    user: tuple[Move, ...] = ()
    faults: tuple[Fault, ...] = ()
    tools: tuple[str, ...] = ("channel:in_chat",)
    chat: tuple[ChatTurn, ...] = ()
    expect: Expect = Expect()
    forbid: tuple[str, ...] = ()
    trajectory: str = ""
    judge: str = ""
    budgets: Budgets = Budgets()

    @property
    def seeded(self) -> str:
        """The seed of ids: no two scenarios share one."""
        return f"{self.id}#{self.seed}"

    @property
    def offline(self) -> bool:
        """Whether no paid model is asked."""
        return self.model == "offline"
