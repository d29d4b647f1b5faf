"""The demo's sample conversations, held with the HTTP ad endpoint like any chat product would."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from rich.markup import escape
from rich.panel import Panel

from bootstrap.cli.client import Client, Refused
from bootstrap.cli.output import err, line

#: Written for the shipped shop; other products are asked for by their own tags.
_SHOP = {
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
_QUIET = (
    ("eng", "hello", "Hi there! How are you today?"),
    ("eng", "in need", "I feel hopeless and want to die."),
    ("jpn", "in need", "もう死にたいです。"),
)
#: How many tags are tried until one is answered with an ad: budgets and ranks may leave some out.
_TRIES = 12

Turns = tuple[tuple[str, str], ...]


def talk(client: Client, campaign: dict[str, Any], *, shipped: bool) -> list[dict[str, Any]]:
    """Hold the sample conversations; return the ads that were shown, clicked and billed."""
    for language, name, text in _QUIET:
        answer = _ask(client, campaign, (("user", text),), language)
        mark = "✓" if answer["ad"] is None else "✗"
        line(mark, name, f"{escape(text)} → no ad ({answer['reason']})")
    shown = []
    for language in ("eng", "jpn"):
        if campaign["languages"] and language not in campaign["languages"]:
            line("·", language, "not a language of this campaign")
            continue
        for turns in _conversations(client, campaign, language, shipped=shipped):
            answer = _ask(client, campaign, turns, language)
            if answer["ad"] is not None:
                _show(turns, answer)
                shown.append(_happen(client, answer))
                break
        else:
            line("!", language, f"no ad ({answer['reason']})")
    return shown


def _conversations(
    client: Client, campaign: dict[str, Any], language: str, *, shipped: bool
) -> list[Turns]:
    if shipped:
        return [_SHOP[language]]
    creatives = client.get(f"/api/v1/campaigns/{campaign['id']}/creatives", limit=_TRIES)
    # The longest tag says most: "suspension lift kit" rather than the maker's name.
    tags = [max(c["tags"], key=len) for c in creatives if c["tags"]]
    return [(("user", _ASKED[language].format(tag=tag)),) for tag in tags]


def _ask(client: Client, campaign: dict[str, Any], turns: Turns, language: str) -> Any:
    preferred = {"jpn": "JP", "eng": "US"}[language]
    geos = campaign["geos"]
    return client.ask(
        {
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


def _happen(client: Client, answer: dict[str, Any]) -> dict[str, Any]:
    """Report an impression and a click, then the same click again, which must not count."""
    ad = answer["ad"]
    event = {"requestId": answer["requestId"], "adId": ad["id"], "advertiserId": ad["advertiserId"]}
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
