"""Joins the way to models: the configured table, shared breakers and budgets, metering and tracing of one run."""

from __future__ import annotations

from functools import cache

from langsmith import Client

from bootstrap.services import Services
from bootstrap.settings import Settings
from domain.events import Progress
from domain.ids import stable_id
from domain.time import Clock
from graphs.context import Emit
from llm.answers import Charge
from llm.breaker import Breakers
from llm.images import ImageModel, image_model
from llm.meter import RunMeter, in_words
from llm.observed import Observed
from llm.offline.model import OfflineChatModel
from llm.purse import SharedPurse
from llm.router import ModelRouter
from llm.table import load_table
from llm.till import OnCharge, Till
from llm.tracing import LangSmithTracer, NoTracer, Tracer
from prompts import canary_for


def model_router(
    services: Services, *, run_id: str, org_id: str, emit: Emit | None, offline: OfflineChatModel
) -> ModelRouter:
    """Return the way to models for one run.

    Args:
        services: The installation's parts.
        run_id: The run; its budget and sums go by this id.
        org_id: Whose daily cap it counts against.
        emit: Publishes a `cost` event for each call; None publishes nothing.
        offline: The rule-based model with its tasks.
    """
    settings = services.settings
    meter = RunMeter(services.redis, run_id)
    return ModelRouter(
        settings.parley_llm,
        clock=services.clock,
        offline=offline,
        call_timeout_s=settings.parley_llm_timeout_s,
        deadline_s=settings.parley_llm_deadline_s,
        table=load_table(settings.parley_llm_table),
        policy=settings.parley_llm_policy,
        max_output_tokens=settings.parley_llm_max_output,
        canary=canary_for(settings.key("canary"), run_id),
        till=Till(
            services.clock,
            breakers=Breakers(services.clock, services.redis),
            purse=_purse(services, run_id, org_id),
            observed=Observed(services.redis),
            on_charge=_teller(meter, services.clock, run_id, org_id, emit),
            tracer=_tracer(settings, run_id),
        ),
    )


def images(services: Services, *, run_id: str, org_id: str) -> ImageModel | None:
    """Return the image model of a run, paid out of the same purse; None if none is configured."""
    settings = services.settings
    purse = _purse(services, run_id, org_id)
    return image_model(settings.parley_image_model, purse, settings.parley_image_price)


def _purse(services: Services, run_id: str, org_id: str) -> SharedPurse:
    return SharedPurse(
        services.redis,
        services.clock,
        run_id=run_id,
        org_id=org_id,
        run_budget_micros=services.settings.parley_llm_run_budget,
        daily_cap_micros=services.settings.parley_llm_daily_cap,
    )


def _teller(meter: RunMeter, clock: Clock, run_id: str, org_id: str, emit: Emit | None) -> OnCharge:
    async def tell(charge: Charge) -> None:
        await meter.add(charge)
        if emit is None:
            return
        sums = await meter.read()
        await emit(
            Progress(
                run_id=run_id,
                type="cost",
                step=charge.task,
                message=in_words(charge),
                at_ms=clock.now_ms(),
                data={
                    "model": charge.spec,
                    "outcome": charge.outcome,
                    "input_tokens": charge.usage.input_tokens,
                    "output_tokens": charge.usage.output_tokens,
                    "cost_micros": charge.cost_micros,
                    "estimated": charge.estimated,
                    "elapsed_ms": charge.elapsed_ms,
                    "run_calls": sums.calls,
                    "run_cost_micros": sums.cost_micros,
                },
                org_id=org_id,
                campaign_id=stable_id("cmp", run_id),
            )
        )

    return tell


def _tracer(settings: Settings, run_id: str) -> Tracer:
    if not settings.parley_trace:
        return NoTracer()
    return LangSmithTracer(
        _langsmith(),
        settings.parley_trace_project,
        with_text=settings.parley_trace_text,
        metadata={"run_id": run_id},
    )


@cache
def _langsmith() -> Client:
    # One for the process: it owns the thread that sends. Address and key come from LANGSMITH_ENDPOINT
    # and LANGSMITH_API_KEY.
    return Client()
