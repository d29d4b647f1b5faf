"""Japanese copy for a chat: the source's own sentences, else a safe template of name, brand and price."""

from __future__ import annotations

import re
from collections.abc import Sequence

from domain.formats import AdFormat
from domain.product import Product
from llm.offline.copywriter_english import Quoted
from llm.offline.copywriter_facts import price_japanese
from llm.offline.copywriter_types import LIMITS, Copy

#: Words that may end a Japanese product name: what the thing is called when looked for.
_NAMED = re.compile(r"[A-Zァ-ヺー一-龥ぁ-ん]{3,}$")
_COUNT = re.compile(
    r"[\s　]+(?:[\d.]+\s*(?:ml|l|g|kg|cm|mm|本|足組|個|枚|袋)|メンズ|ウィメンズ|キッズ|レディース)$",
    re.I,
)


def title(product: Product, latin: str) -> str:
    """Return the Japanese name, or the Latin one if the source has no other, at most 60 characters."""
    text = (product.title_jpn or latin).strip()
    if len(text) <= LIMITS["title"]:
        return text
    cut = max(text.rfind(mark, 0, LIMITS["title"]) for mark in (" ", "　", "、", "・", "【"))
    return text[: cut if cut > 10 else LIMITS["title"]].strip(" 　、・【")


def compose(
    product: Product, ad_format: AdFormat, name: str, quotes: Sequence[Quoted], *, seller: str | None,
    cta: str,
) -> tuple[Copy, list[Quoted]]:  # fmt: skip
    """Return the copy of one format and the sentences in it that rest on a fact."""
    unpriced = ad_format in (AdFormat.FOLLOWUP, AdFormat.LEAD_GEN)
    price = None if unpriced else price_japanese(product)
    tail = f"価格は{price}です。" if price else ""
    long = ad_format in (AdFormat.ACTION_CARD, AdFormat.LEAD_GEN)
    limit = LIMITS["description"] if long else 90
    if ad_format is AdFormat.STATIC and len(quotes) > 1:
        quotes = [*quotes[1:], quotes[0]]
    most = 2 if long else 1
    used: list[Quoted] = []
    for sentence, fact in quotes:
        joined = "".join((*(s for s, _ in used), sentence, tail))
        if len(used) < most and len(joined) <= limit:
            used.append((sentence, fact))
    description = "".join((*(s for s, _ in used), tail))
    if not used:
        description = _template(ad_format, name, seller) + tail
    lead = ad_format is AdFormat.LEAD_GEN
    return Copy(
        title=name,
        description=description[: LIMITS["description"]],
        cta_text=cta,
        question=question(product, name) if ad_format is AdFormat.FOLLOWUP else None,
        success_message=f"ありがとうございます。{seller or 'ショップ'}に送信しました。"
        if lead
        else None,
        placeholder="メールアドレス" if lead else None,
    ), used


def _template(ad_format: AdFormat, name: str, seller: str | None) -> str:
    if ad_format is AdFormat.ACTION_CARD:
        opening = f"{seller}の「{name}」です。" if seller else f"「{name}」のご案内です。"
        return f"{opening}詳しくは商品ページをご覧ください。"
    return f"{seller}の商品です。" if seller else "詳しくは商品ページをご覧ください。"


def question(product: Product, name: str) -> str:
    """Return a question that names the kind of product, or the product."""
    kind = ""
    if product.title_jpn:
        text = product.title_jpn
        previous = ""
        while text != previous:
            previous, text = text, _COUNT.sub("", text)
        found = _NAMED.search(re.split(r"[\s　・]", text)[-1])
        kind = found.group() if found else ""
    asked = f"{kind}をお探しですか？" if kind else f"「{name}」が気になりますか？"
    return asked if len(asked) <= LIMITS["question"] else "こちらの商品が気になりますか？"


def call_to_action(goal: str, ad_format: AdFormat, *, priced: bool, friendly: bool) -> str:
    """Return the button text; `goal` is the KPI type or `signups`."""
    if ad_format is AdFormat.LEAD_GEN or goal == "signups":
        return "登録する"
    if ad_format is AdFormat.FOLLOWUP:
        return "もっと知りたい"
    if goal == "installs":
        return "アプリを入手"
    if friendly:
        return "のぞいてみる"
    return "ショップで見る" if priced else "詳しく見る"
