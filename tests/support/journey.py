"""The main job, as its three people live it: marketer, chat product, and the auditor afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from uuid import uuid4

import msgspec
from redis import Redis
from redis.exceptions import RedisError

from bootstrap.embedded.process import wait_until
from domain.events import Progress, progress_stream
from fastpath.reservation import Keys
from sandbox import shop_feed, shop_page
from storage.cache import REDIS_ERRORS
from tests.support.callers import Caller, Refusal
from tests.support.service import Service

GOAL = (
    "Get 200 sign-ups for our trail-running shop in Japan and the US before Christmas, "
    "3,000 dollars, not more than 15 dollars each"
)
QUESTIONS = (
    ("JP", "おすすめのトレイルランニングシューズはどれですか？今週買いたいです。"),
    ("US", "Which trail running shoes would you recommend? I want to buy a pair this week."),
)
#: A person's waiting for a run, for a snapshot, for counters.
PATIENCE = 60.0
STATES = ["draft", "in_review", "approved", "live"]
#: No ad for want of a part; another question a moment later may get one.
PASSING = ("state_unavailable", "no_snapshot", "budget")

#: Called with the name of each moment as it comes.
At = Callable[[str], None]
Ad = dict[str, Any]


class Journey:
    """One campaign from its goal to its report.

    Args:
        service: Where.
        marketer, chat: Callers with the advertiser's and the publisher's key.
        at: Told every moment of `MOMENTS`.
    """

    MOMENTS = (
        "created", "brief", "sources", "research", "audience", "content", "compliance", "plan",
        "review", "awaiting", "approved", "launch", "watch", "impression", "clicks",
    )  # fmt: skip

    def __init__(self, service: Service, marketer: Caller, chat: Caller, at: At) -> None:
        self._service, self._marketer, self._chat, self._at = service, marketer, chat, at
        self._app = service.accounts.app_id
        self.run_id = ""
        self.campaign_id = ""

    def launch(self, sources: dict[str, str]) -> dict[str, Any]:
        """Go from the goal to a campaign that is served; return the run."""
        body = {"goal": GOAL, "approval": "person", **sources}
        started = self._marketer.post(
            "/api/v1/campaigns/create", body, **{"Idempotency-Key": uuid4().hex}
        )
        self.run_id = started["run_id"]
        self._at("created")
        self._follow(
            {"brief", "sources", "research", "audience", "content", "compliance", "plan", "review"}
        )
        waits = self._rests()
        assert waits["status"] == "awaiting_approval", waits
        self._at("awaiting")
        self._approve()
        self._at("approved")
        self._follow({"launch", "watch"})
        done = self._rests()
        assert done["status"] == "succeeded", done
        self.campaign_id = done["campaign_id"]
        assert wait_until(self.served, PATIENCE, 0.1), "the campaign is not served"
        return done

    def served(self) -> bool:
        """Tell whether the fast path serves the campaign."""
        return bool(self._marketer.get(f"/api/v1/campaigns/{self.campaign_id}")["served"])

    def earn(self, count: int) -> list[Ad]:
        """Show ads in as many conversations; report an impression and a click of each, side by side."""
        with ThreadPoolExecutor(max_workers=count) as pool:
            ads = list(pool.map(self._ask, range(count)))
            list(pool.map(lambda ad: self._happen(ad, "impression"), ads))
            self._at("impression")
            clicks = [pool.submit(self._happen, ad, "click") for ad in ads]
            wait_until(lambda: sum(click.done() for click in clicks) >= count // 4, PATIENCE, 0.001)
            self._at("clicks")
            for click in clicks:
                click.result()
        # The client had an answer to each; it may still send one again, e.g. after a page reload.
        for ad in ads[:2]:
            assert self._happen(ad, "click")["duplicate"] is True
        return ads

    def _approve(self) -> None:
        """Approve; if the first answer got lost, the second one says that it was taken."""
        try:
            self._marketer.post(f"/api/v1/runs/{self.run_id}/approve", {"decision": "approve"})
        except Refusal as refusal:
            if refusal.code != "run_not_waiting":
                raise

    def _rests(self) -> dict[str, Any]:
        """Return the run once it waits or has ended."""
        deadline = time.monotonic() + PATIENCE
        while True:
            run: dict[str, Any] = self._marketer.get(f"/api/v1/runs/{self.run_id}")
            if run["status"] not in ("queued", "running"):
                return run
            assert time.monotonic() < deadline, f"the run does not come to rest: {run}"
            time.sleep(0.05)

    def _follow(self, steps: set[str]) -> None:
        """Tell each step the first time it comes, as soon as the run's stream has it."""
        missing = set(steps)
        for step in self._steps():
            if step in missing:
                missing.discard(step)
                self._at(step)
            if not missing:
                return

    def _steps(self) -> Iterator[str]:
        """Yield steps from the stream itself: the moment is over by the time HTTP has told it."""
        stream, after = progress_stream(self.run_id), "0"
        deadline = time.monotonic() + PATIENCE
        with Redis.from_url(self._service.urls.redis_url) as redis:
            while time.monotonic() < deadline:
                told = False
                with suppress(RedisError):
                    reply: Any = redis.xread({stream: after}, count=1, block=300)
                    for entry_id, fields in _entries(reply):
                        after, told = entry_id, True
                        yield msgspec.json.decode(fields[b"e"], type=Progress).step
                if told:
                    # There may be more, though the run has ended meanwhile.
                    continue
                if self._marketer.get(f"/api/v1/runs/{self.run_id}")["status"] not in (
                    "queued",
                    "running",
                ):
                    # Progress may get lost with Valkey; the run does not.
                    return

    def _ask(self, number: int) -> Ad:
        """Hold a conversation until an ad is shown in it."""
        geo, text = QUESTIONS[number % len(QUESTIONS)]
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = self._chat.post(
                "/api/requests",
                {
                    "appId": self._app,
                    "conversationId": uuid4().hex,
                    "messageId": "1",
                    "turns": [{"role": "user", "text": text}],
                    "geo": geo,
                },
            )
            if answer["ad"] is not None:
                return dict(answer)
            assert answer["reason"] in PASSING, answer
            assert time.monotonic() < deadline, answer
            time.sleep(0.2)

    def _happen(self, shown: Ad, kind: str) -> dict[str, Any]:
        """Report an event under an id of its own until that is answered."""
        body = {
            "type": kind,
            "requestId": shown["requestId"],
            "adId": shown["ad"]["id"],
            "appId": self._app,
            "eventId": f"{kind}-{shown['requestId'].partition('~')[0]}",
        }
        return dict(self._chat.post("/api/events", body))


def end_all(marketer: Caller) -> None:
    """End what an earlier journey left live, so that the next one has the chats for itself."""

    def served() -> bool:
        return any(marketer.get(f"/api/v1/campaigns/{one['id']}")["served"] for one in campaigns)

    campaigns = marketer.get("/api/v1/campaigns", limit=200)
    for campaign in campaigns:
        if campaign["status"] == "live":
            marketer.post(f"/api/v1/campaigns/{campaign['id']}/end", {"why": "the next test"})
    assert wait_until(lambda: not served(), PATIENCE, 0.1), "an ended campaign is served"


def upload(marketer: Caller) -> dict[str, str]:
    """Upload the demo shop's page and feed; return their ids as `create` wants them."""
    found = {}
    for kind, path in (("page", shop_page()), ("feed", shop_feed())):
        source = marketer.send(
            "POST",
            "/api/v1/sources",
            content=path.read_bytes(),
            params={"kind": kind, "name": path.name},
        )
        found[f"{kind}_source_id"] = source["id"]
    return found


def audit(service: Service, marketer: Caller, journey: Journey, ads: list[Ad], count: int) -> None:
    """Hold what is kept against what was lived through; every step must have happened exactly once."""
    campaign_id, run_id = journey.campaign_id, journey.run_id
    campaign = marketer.get(f"/api/v1/campaigns/{campaign_id}")
    assert [entry["to_state"] for entry in campaign["audit"]] == STATES
    assert campaign["status"] == "live"
    every = [one["id"] for one in marketer.get("/api/v1/campaigns", limit=200)]
    served = [one for one in every if marketer.get(f"/api/v1/campaigns/{one}")["served"]]
    assert served == [campaign_id]
    report = marketer.get(f"/api/v1/campaigns/{campaign_id}/report")
    assert (report["impressions"], report["clicks"]) == (count, count)
    with service.database() as db:

        def rows(query: str, *values: Any) -> list[Any]:
            return db.execute(query, values).fetchall()

        assert rows("SELECT id FROM campaigns WHERE run_id = %s", run_id) == [(campaign_id,)]
        launched = rows("SELECT result->>'ads', attempts FROM runs WHERE id = %s", run_id)[0]
        counted = rows("SELECT count(*) FROM ads WHERE campaign_id = %s", campaign_id)[0][0]
        assert counted == int(launched[0]) > 0
        assert rows("SELECT count(*) FROM creatives WHERE campaign_id = %s", campaign_id) == [
            (counted,)
        ]
        open_runs = rows("SELECT id, status FROM runs WHERE status IN ('queued', 'running')")
        assert open_runs == []
        asked = [shown["requestId"].partition("~")[0] for shown in ads]
        prices = rows("SELECT price_micros FROM decisions WHERE id = ANY(%s)", asked)
        assert len(prices) == count
        spend = sum(price for (price,) in prices)
        assert report["spend"]["micros"] == spend > 0
        entries = rows("SELECT id FROM ledger_entries WHERE campaign_id = %s", campaign_id)
        assert len(entries) == count
        crooked = rows(
            "SELECT entry_id FROM ledger_lines GROUP BY 1 HAVING sum(amount_micros) <> 0"
        )
        assert crooked == []
        paid = rows(
            "SELECT sum(amount_micros) FROM ledger_lines WHERE amount_micros > 0 "
            "AND entry_id = ANY(%s)",
            [entry for (entry,) in entries],
        )
        assert paid == [(spend,)]
    assert wait_until(lambda: _booked(service, campaign_id) == spend, 15, 0.1), "counters are wrong"


def _booked(service: Service, campaign_id: str) -> int | None:
    """Return what the serving state believes a campaign has spent."""
    try:
        with Redis.from_url(service.urls.redis_url) as redis:
            found: Any = redis.hget(Keys().spent(campaign_id), "total")
    except REDIS_ERRORS:
        return None
    return None if found is None else int(found)


def _entries(reply: Any) -> list[tuple[bytes, dict[bytes, bytes]]]:
    if not reply:
        return []
    found = next(iter(reply.values())) if isinstance(reply, dict) else reply[0][1]
    return found[0] if found and isinstance(found[0], list) else found
