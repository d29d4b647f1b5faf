"""Japanese forms of tags that neither the table nor JMdict knows, asked of a language model where there is one.

Never while a chat waits: after a compile the tags it found no form for are asked about, each by itself, so that
what one advertiser writes cannot speak for another's tag. What is learnt, also that there is no form, lies in the
object store; a new form has the catalogue compiled again. Without a live model nothing is asked.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Final

import msgspec
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import text

import prompts
from billing.service import PLATFORM
from bootstrap.local_snapshots import snapshot_folder
from bootstrap.models import model_router
from bootstrap.services import Services
from domain.errors import NotFound, ParleyError
from domain.trust import Span, Trust
from fastpath import gate
from fastpath.compiler import load_expansion
from fastpath.expand import acceptable
from fastpath.text import fold
from llm.offline.model import offline_model
from llm.router import ModelRouter
from storage import outbox

log = logging.getLogger("parley.forms")

#: Where they lie in the object store.
OBJECT: Final = "compile/japanese_forms.json"
#: Tags asked about after one compile, so many at once; the next compile goes on.
MOST: Final = 40
_AT_ONCE: Final = 8
_LONGEST: Final = 40
_FORMS: Final = 3
#: One process at a time writes down what was learnt. Any constant will do.
_LOCK: Final = 6_402_118_551
_Stored = dict[str, tuple[str, ...]]


class TagForms(BaseModel):
    """Japanese words for the thing that a tag names; none if there is no usual one."""

    model_config = ConfigDict(extra="ignore", title="JapaneseForms")

    forms: list[str] = Field(default_factory=list, max_length=10)


async def learnt_forms(services: Services) -> _Stored:
    """Return the forms that models gave, by tag; without any for a tag that has none."""
    try:
        return msgspec.json.decode(await services.objects.get(OBJECT), type=_Stored)
    except NotFound:
        return {}
    except msgspec.MsgspecError:
        log.warning("%s cannot be read: forms that models gave are asked for again", OBJECT)
        return {}


async def learn_forms(services: Services, snapshot_id: str, most: int = MOST) -> int:
    """Ask for the forms of tags that a snapshot has none for; return how many tags have some now.

    Asked twice at once, or killed in the middle, some tags are asked about again.
    """
    if services.settings.parley_llm == "offline":
        return 0
    folder = snapshot_folder(services.settings.parley_home) / snapshot_id
    expansion = await asyncio.to_thread(load_expansion, folder)
    if expansion is None:
        return 0
    stored = await learnt_forms(services)
    bare = expansion.known - expansion.forms.keys() - stored.keys()
    wanted = [tag for tag in sorted(bare) if _askable(tag)][:most]
    if not wanted:
        return 0
    found = await _ask_all(services, wanted)
    if found:
        await _store(services, found)
    return sum(map(bool, found.values()))


def _askable(tag: str) -> bool:
    """Return whether a tag may be the name of a thing in English."""
    letters = tag.replace(" ", "").replace("-", "").replace("'", "")
    return (
        len(tag) <= _LONGEST and letters.isascii() and letters.isalnum() and not letters.isdigit()
    )


async def _ask_all(services: Services, tags: list[str]) -> _Stored:
    """Return what a model says of each tag; tags it could not be asked about are left out."""
    router = model_router(
        services,
        run_id=services.ids.new("run"),
        org_id=PLATFORM,
        emit=None,
        offline=offline_model(),
    )
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(tag: str) -> tuple[str, ...] | None:
        async with room:
            return await _ask(router, tag)

    answers = await asyncio.gather(*map(one, tags))
    return {tag: forms for tag, forms in zip(tags, answers, strict=True) if forms is not None}


async def _ask(router: ModelRouter, tag: str) -> tuple[str, ...] | None:
    prompt = prompts.load("content_creator/tag_forms")
    inputs = {"tag": Span(tag, Trust.UNTRUSTED, "tag")}
    assembled = prompts.assemble(prompt, inputs, canary=router.canary)
    try:
        answer = await router.structured(
            "content_creator.tag_forms", TagForms, assembled.messages, canary=assembled.canary
        )
    except ParleyError as error:
        log.warning("no model could be asked for Japanese forms: %s", error.code)
        return None
    if answer.rule_based:
        return None
    forms = (fold(form).replace(" ", "").replace("・", "") for form in answer.value.forms)
    return tuple(dict.fromkeys(form for form in forms if _usable(form)))[:_FORMS]


def _usable(form: str) -> bool:
    """Return whether a form may stand in a snapshot: one word, and nothing that closes the gate."""
    return form.isalnum() and acceptable(form) and not gate.categories_of(form)


async def _store(services: Services, found: Mapping[str, tuple[str, ...]]) -> None:
    async with services.db.system() as session:
        await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        stored = await learnt_forms(services)
        stored.update(found)
        await services.objects.put(OBJECT, msgspec.json.encode(stored, order="sorted"))
        if any(found.values()):
            what = {"japanese_forms": sorted(tag for tag, forms in found.items() if forms)}
            row = services.ids.new("obx")
            await outbox.put(session, row, PLATFORM, outbox.CATALOGUE_CHANGED, what)
