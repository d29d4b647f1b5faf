"""What a graph's nodes get is put together from this installation's settings, for one run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bootstrap.graph_parts import graph_context
from bootstrap.services import Services
from domain.errors import ParleyError
from domain.time import FixedClock
from tests.support.campaigns import Listener, advertiser, run_row

pytestmark = pytest.mark.asyncio


def with_settings(services: Services, **changes: Any) -> Services:
    return replace(services, settings=services.settings.model_copy(update=changes))


async def test_the_context_belongs_to_its_run(services: Services) -> None:
    org, listener = await advertiser(services), Listener()
    run = run_row(services, org)
    at = replace(services, clock=FixedClock(1_800_000_000_000))
    context = graph_context(at, run, listener.emit)
    assert (context.run_id, context.org_id) == (run.id, org)
    assert context.today.isoformat() == "2027-01-15"
    await context.tell("step", "brief", "read", words=7)
    ((event,),) = [listener.events]
    assert (event.run_id, event.step, event.data) == (run.id, "brief", {"words": 7})
    assert event.at_ms == 1_800_000_000_000


@pytest.mark.parametrize(("env", "allowed"), [("development", True), ("production", False)])
async def test_the_demo_policy_approves_in_development_only(
    services: Services, env: str, allowed: bool
) -> None:
    run = run_row(services, await advertiser(services))
    context = graph_context(with_settings(services, parley_env=env), run, Listener().emit)
    assert context.demo_policy is allowed


async def test_pages_of_private_networks_are_not_read(services: Services) -> None:
    run = run_row(services, await advertiser(services))
    context = graph_context(services, run, Listener().emit)
    for url in ("http://127.0.0.1:1/", "http://169.254.169.254/latest/meta-data/", "file:///etc"):
        with pytest.raises(ParleyError) as caught:
            await context.fetch(url)
        assert 400 <= caught.value.status < 500
