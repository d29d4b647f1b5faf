"""Backgrounds by an image model, where one is configured and the advertiser has no picture of the product."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import prompts
from domain.errors import NotFound, ParleyError
from domain.product import Product
from domain.trust import Span, Trust
from graphs.content.order import ContentOrder, picture_of
from graphs.content.pictures import cleaned
from graphs.content.shelf import Background, Shelf
from graphs.context import GraphContext

#: Backgrounds of one run at most; further products get shapes.
MOST = 5


async def paint(
    ctx: GraphContext,
    shelf: Shelf,
    order: ContentOrder,
    products: Sequence[Product],
    colours: Sequence[str],
) -> None:
    """Have a background painted and kept for each product without a picture; nothing if no model is there.

    A background that is kept is not painted again: it has been paid for.
    """
    if ctx.images is None or "image" not in order.kinds:
        return
    prompt = prompts.load("content_creator/background")
    for product in [p for p in products if not picture_of(order, p.key)][:MOST]:
        try:
            await shelf.background(product.key)
            continue
        except NotFound:
            pass
        asked = prompts.assemble(
            prompt,
            {
                "kind": Span(", ".join(product.tags[:3]), Trust.UNTRUSTED, "product source"),
                "colours": ", ".join(colours) or "any",
            },
            canary=ctx.router.canary,
        )
        try:
            painted = await ctx.images.paint("\n\n".join(m["content"] for m in asked.messages))
            _, data = await asyncio.to_thread(cleaned, painted.data)
        except ParleyError as error:
            await ctx.tell("warning", "pictures", f"{product.key}: {error.detail}")
            return
        await shelf.keep_background(
            product.key, Background(data=data, model=painted.model, prompt_hash=prompt.hash)
        )
        await ctx.tell(
            "artefact",
            "pictures",
            f"a background for {product.key} painted by {painted.model}",
            model=painted.model,
            prompt_hash=prompt.hash,
        )
