"""Scenarios as a LangSmith dataset, for those who compare runs there; all of it was written for this project."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid5

import msgspec
from langsmith import Client
from langsmith.utils import LangSmithError

from domain.errors import Unavailable
from evals.results import Suite
from evals.scenario import Scenario

_SPACE = UUID("6f0b2b0e-4a5c-4c57-9a53-6a2f6f1b7c11")


def push_dataset(
    client: Client, name: str, scenarios: Sequence[Scenario], suite: Suite | None = None
) -> int:
    """Put scenarios into a dataset; a second push changes the same examples and adds none.

    Args:
        client: Of LangSmith; address and key come from its environment.
        name: Of the dataset; made if it is missing.
        scenarios: What is pushed: goal and script as inputs, expectations as outputs.
        suite: Results that are noted beside the examples.

    Returns:
        How many examples were pushed.

    Raises:
        Unavailable: `langsmith_unavailable`.
    """
    passed = {one.id: one.every for one in suite.results} if suite is not None else {}
    try:
        if client.has_dataset(dataset_name=name):
            dataset = client.read_dataset(dataset_name=name)
        else:
            dataset = client.create_dataset(name, description="Scenarios of parley eval.")
        known = {example.id for example in client.list_examples(dataset_id=dataset.id)}
        made = [(example_id(name, one), one) for one in scenarios]
        fresh = [_example(key, one, passed) for key, one in made if key not in known]
        if fresh:
            client.create_examples(dataset_id=dataset.id, examples=fresh)
        for key, one in made:
            if key in known:
                fields = _example(key, one, passed)
                client.update_example(
                    key,
                    inputs=fields["inputs"],
                    outputs=fields["reference_outputs"],
                    metadata=fields["metadata"],
                )
    except (LangSmithError, OSError) as error:
        raise Unavailable(
            "langsmith_unavailable",
            "LangSmith did not take the dataset; check LANGSMITH_ENDPOINT and LANGSMITH_API_KEY.",
        ) from error
    return len(scenarios)


def example_id(name: str, scenario: Scenario) -> UUID:
    """Return the id of a scenario's example in a dataset: the same at every push."""
    return uuid5(_SPACE, f"{name}/{scenario.id}")


def _example(key: UUID, one: Scenario, passed: dict[str, bool]) -> dict[str, Any]:
    said = [turn.say for turn in one.chat]
    return {
        "id": key,
        "inputs": {"scenario": one.id, "goal": one.goal, "chat": said, "world": one.world},
        "reference_outputs": msgspec.to_builtins(one.expect),
        "metadata": {
            "kind": one.kind, "language": one.language, "about": list(one.about),
            "passed": passed.get(one.id),
        },
    }  # fmt: skip
