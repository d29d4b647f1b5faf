"""From what was made to what is kept of it: id, hash, size, provenance."""

from __future__ import annotations

import hashlib

import msgspec

from agents.content_creator.schemas import Claim
from domain.time import utc
from graphs.content.shelf import Asset, Checked, Finding, Shelf
from graphs.context import GraphContext

#: Who made something that no language or image model had a part in.
RULE_BASED = "rule-based"


def text_asset(
    ctx: GraphContext, shelf: Shelf, checked: Checked, prompt_hash: str
) -> tuple[Asset, bytes]:
    """Return the asset of an ad's texts and its file."""
    variant = checked.variant
    claims = tuple(claim_out(claim) for claim in variant.claims)
    data = msgspec.json.encode(
        {"variant": variant.key, "texts": variant.texts, "cta": variant.cta, "claims": claims,
         "landing_url": variant.landing_url},
    )  # fmt: skip
    model = RULE_BASED if variant.written_by == "rules" else variant.written_by
    asset = Asset(
        id=shelf.asset_id("text", variant.key),
        kind="text",
        channel=variant.channel,
        language=variant.language,
        arm=variant.arm,
        product_key=variant.product_key,
        variant=variant.key,
        media_type="application/json",
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        hypothesis=variant.hypothesis,
        differs=variant.differs,
        segment=variant.segment,
        texts=variant.texts,
        cta=variant.cta,
        claims=claims,
        findings=tuple(f for f in checked.findings if f.severity == "warn"),
        provenance=record(
            ctx,
            made_by=model,
            inputs=[c.fact_id for c in variant.claims],
            prompt_hash=prompt_hash if model != RULE_BASED else "",
        ),
    )
    return asset, data


def record(
    ctx: GraphContext, *, made_by: str, inputs: list[str], prompt_hash: str = ""
) -> dict[str, str | int | bool | list[str]]:
    """Return what made an asset, from what, when.

    Args:
        ctx: Run, organisation and time.
        made_by: Model, or `rule-based`.
        inputs: Ids or hashes of what it was made from.
        prompt_hash: SHA-256 of the prompt file, if a model was asked.
    """
    return {
        "run": ctx.run_id,
        "made_by": made_by,
        "rule_based": made_by == RULE_BASED,
        "inputs": list(dict.fromkeys(inputs)),
        "prompt_hash": prompt_hash,
        "made_at": utc(ctx.clock.now_ms()).isoformat(),
    }


def claim_out(claim: Claim) -> dict[str, object]:
    """Return a claim as it is shown: the sentence, its fact, and where documents say so."""
    shown: dict[str, object] = {
        "sentence": claim.sentence,
        "where": claim.where,
        "fact": claim.fact_id,
        "support": claim.support,
    }
    if claim.citation is not None:
        shown["citation"] = msgspec.to_builtins(claim.citation)
    return shown


def warning(check: str, rule: str, message: str) -> Finding:
    """Return a finding that a person should look at."""
    return Finding(check=check, rule=rule, severity="warn", message=message)
