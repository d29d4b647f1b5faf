"""The demo's sample conversations, held with the HTTP ad endpoint like any chat product would."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

from rich.markup import escape
from rich.panel import Panel

from bootstrap.cli.client import Client, Refused
from bootstrap.cli.output import err, line
from domain.ids import stable_id

#: Written for the shipped shop; other products are asked for by their own tags.
SHOP = {
    "eng": (
        ("user", "I signed up for my first mountain race and my old shoes slip in the mud."),
        ("assistant", "Shoes with deep rubber lugs hold better on mud."),
        ("user", "Which trail running shoes would you recommend? I want to buy a pair this week."),
    ),
    "jpn": (
        ("user", "初めて山のレースに出ます。今の靴はぬかるみで滑ります。"),
        ("assistant", "深いラグのあるシューズなら滑りにくくなります。"),
        ("user", "おすすめのトレイルランニングシューズはどれですか？今週買いたいです。"),
    ),
}
_ASKED = {
    "eng": "Which {tag} would you recommend? I want to buy one this week.",
    "jpn": "{tag}のおすすめはどれですか？今週買いたいです。",
}
QUIET = (
    ("eng", "hello", "Hi there! How are you today?"),
    ("eng", "in need", "I feel hopeless and want to die."),
    ("jpn", "in need", "もう死にたいです。"),
)
#: How many tags are tried until one is answered with an ad: budgets and ranks may leave some out.
_TRIES = 12

Turns = tuple[tuple[str, str], ...]


def talk(client: Client, campaign: dict[str, Any], *, shipped: bool) -> list[dict[str, Any]]:
    """Hold the sample conversations; return the ads that were shown, clicked and billed."""
    app_id = _app(client, campaign["bid"]["currency"])
    for language, name, text in QUIET:
        answer = _ask(client, app_id, campaign, (("user", text),), language)
        mark = "✓" if answer["ad"] is None else "✗"
        line(mark, name, f"{escape(text)} → no ad ({answer['reason']})")
    creatives = client.get(f"/api/v1/campaigns/{campaign['id']}/creatives")
    own = {stable_id("ad", creative["id"]) for creative in creatives}
    shown = []
    for language in ("eng", "jpn"):
        if campaign["languages"] and language not in campaign["languages"]:
            line("·", language, "not a language of this campaign")
            continue
        talks = [SHOP[language]] if shipped else _questions(creatives, language)
        for turns in talks:
            answer = _ask(client, app_id, campaign, turns, language)
            if answer["ad"] is not None and answer["ad"]["id"] in own:
                _show(turns, answer)
                shown.append(_happen(client, app_id, answer))
                break
        else:
            line("!", language, f"no ad of this campaign ({answer['reason']})")
    return shown


def _app(client: Client, currency: str) -> str:
    """Return an app that settles in the campaign's currency; only ads in it compete there."""
    for app in client.apps():
        if app["currency"] == currency and app["status"] == "active":
            return str(app["id"])
    app_id = str(client.new_app(f"Local demo chat ({currency})", currency)["id"])
    line("+", "app", f"a chat app that settles in {currency}")
    question = {"conversationId": uuid4().hex, "messageId": "0", "contextText": "hello"}
    for _ in range(100):
        if client.ask({"appId": app_id, **question})["reason"] != "unknown_app":
            break
        question["messageId"] = uuid4().hex
        time.sleep(0.2)
    return app_id


def _questions(creatives: list[dict[str, Any]], language: str) -> list[Turns]:
    """Return one question per creative, about its most telling tag: the one of most words."""
    tags = [max(c["tags"], key=lambda tag: len(tag.split())) for c in creatives if c["tags"]]
    step = max(1, len(tags) // _TRIES)
    return [(("user", _ASKED[language].format(tag=tag)),) for tag in tags[::step][:_TRIES]]


def _ask(client: Client, app_id: str, campaign: dict[str, Any], turns: Turns, language: str) -> Any:
    preferred = {"jpn": "JP", "eng": "US"}[language]
    geos = campaign["geos"]
    return client.ask(
        {
            "appId": app_id,
            "conversationId": f"demo-{uuid4().hex}",
            "messageId": "1",
            "turns": [{"role": role, "text": text} for role, text in turns],
            "geo": preferred if not geos or preferred in geos else geos[0],
        }
    )


def _show(turns: Turns, answer: dict[str, Any]) -> None:
    ad = answer["ad"]
    for role, text in turns:
        err.print(f"   [dim]{role:>9}[/dim]  {escape(text)}", soft_wrap=True)
    body = [
        f"[bold]{escape(ad['title'])}[/bold]",
        escape(ad["description"]),
        *([escape(ad["question"])] if ad.get("question") else []),
        f"[reverse] {escape(ad['ctaText'])} [/reverse]  [dim]{escape(ad['ctaUrl'])}[/dim]",
        "",
        f"[dim]{escape(ad['why'])} · {escape(ad['payer'])}[/dim]",
        f"[dim]receipt {escape((answer['receipt'] or '')[:32])}… · snapshot {answer['snapshot'][:12]}[/dim]",
    ]
    title = f"{ad['label']} · {ad['format']}"
    err.print(
        Panel("\n".join(body), title=title, title_align="left", border_style="yellow", width=92)
    )


def _happen(client: Client, app_id: str, answer: dict[str, Any]) -> dict[str, Any]:
    """Report an impression and a click, then the same click again, which must not count."""
    ad = answer["ad"]
    event = {
        "appId": app_id,
        "requestId": answer["requestId"],
        "adId": ad["id"],
        "advertiserId": ad["advertiserId"],
    }
    client.report({"type": "impression", **event})
    click = client.report({"type": "click", **event})
    again = client.report({"type": "click", **event})
    line("✓", "events", f"impression, click ({'charged' if click['charged'] else 'free'})")
    if again["duplicate"]:
        line("✓", "same click", "counted once")
    try:
        client.report({"type": "click", **event, "eventId": uuid4().hex})
    except Refused as error:
        line("✓", "other click", f"refused: {escape(error.detail)}")
    return {"language": answer["language"], **ad, "receipt": answer["receipt"]}
