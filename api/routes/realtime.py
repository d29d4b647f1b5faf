"""`WS /ws/realtime`: a run's, a campaign's or the whole organisation's events as they happen.

The first message authenticates, unless a header did: `{"auth": "parley_sk_…"}`. Then
`{"subscribe": {"run": ID}}`, `{"campaign": ID}` or `{"organisation": true}`, with `"after"` the id of the last
event seen; `{"unsubscribe": NAME}`; `{"ping": 1}`. Every event carries the id to go on from after a disconnect.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from fastapi.websockets import WebSocketState

from api.auth import secret_of
from api.exchange import open_exchange
from api.realtime import Hub, Listener
from api.state import State
from catalog.access import Principal
from catalog.repository import Campaigns
from catalog.runs import Runs
from domain.errors import BadInput, ParleyError, RateLimited, Unavailable
from domain.events import campaign_stream, organisation_stream, progress_stream
from domain.ids import check_id
from storage.cache import REDIS_ERRORS

router = APIRouter()

PATH: Final = "/ws/realtime"
SCOPE: Final = "campaigns:read"
#: Subscriptions of one socket.
MOST: Final = 20
MAX_SOCKETS: Final = 5_000
_MAX_MESSAGE: Final = 4_096
_AUTH_S: Final = 10.0
#: A reader that takes nothing for so long is let go; it resumes where it was.
_SEND_S: Final = 30.0
#: A revoked key is noticed after at most this long.
_CHECK_S: Final = 20.0
UNAUTHENTICATED, FORBIDDEN, TRY_AGAIN = 4401, 4403, 1013

StreamId = Annotated[str, msgspec.Meta(pattern=r"^\d{1,15}(-\d{1,15})?$")]


class Topic(msgspec.Struct, forbid_unknown_fields=True):
    """What to listen to: exactly one of the three."""

    run: str | None = None
    campaign: str | None = None
    organisation: bool = False


class Said(msgspec.Struct, forbid_unknown_fields=True):
    """One message of a client."""

    auth: str | None = None
    subscribe: Topic | None = None
    after: StreamId = "0"
    unsubscribe: str | None = None
    ping: int | None = None


_decode = msgspec.json.Decoder(Said).decode


@router.websocket(PATH)
async def realtime(socket: WebSocket) -> None:
    """Serve one socket."""
    state: State = socket.app.state.parley
    await socket.accept()
    if state.hub.listeners >= MAX_SOCKETS:
        await socket.close(TRY_AGAIN, "This server has no room for more sockets; try again.")
        return
    session = _Session(socket, state)
    try:
        await session.serve()
    except WebSocketDisconnect:
        pass
    except ParleyError as error:
        with suppress(RuntimeError, WebSocketDisconnect):
            await session.say({"type": "error", "problem": error.problem()})
            await socket.close(_code(error), error.code)
    finally:
        await session.end()


class _Session:
    """One socket: who it is, what it listens to."""

    def __init__(self, socket: WebSocket, state: State) -> None:
        self._socket = socket
        self._state = state
        self._hub: Hub = state.hub
        self._now = asyncio.get_running_loop().time
        self._busy_since = 0.0
        self._pumps: dict[str, tuple[Listener, asyncio.Task[None]]] = {}
        self._secret = ""

    async def serve(self) -> None:
        """Authenticate, then answer messages until the client leaves or loses its right to listen."""
        principal = await self._authenticate()
        await self.say({"type": "ready", "organisation": principal.org_id})
        reading = asyncio.create_task(self._read(principal))
        watching = asyncio.create_task(self._watch())
        try:
            done, _ = await asyncio.wait({reading, watching}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (reading, watching):
                task.cancel()
            await asyncio.gather(reading, watching, return_exceptions=True)

    async def end(self) -> None:
        """Stop sending."""
        for listener, pump in self._pumps.values():
            self._hub.leave(listener)
            pump.cancel()
        await asyncio.gather(*(pump for _, pump in self._pumps.values()), return_exceptions=True)

    async def say(self, message: dict[str, Any]) -> None:
        """Send one message."""
        await self._send(msgspec.json.encode(message).decode())

    async def _authenticate(self) -> Principal:
        secret = secret_of(self._socket.scope)
        if secret is None:
            try:
                async with asyncio.timeout(_AUTH_S):
                    secret = (await self._receive()).auth
            except TimeoutError:
                secret = None
        self._secret = secret or ""
        principal = await self._principal()
        open_exchange(self._socket.scope)
        await self._state.count(principal, self._socket.scope)
        return principal

    async def _principal(self) -> Principal:
        headers = [(b"x-api-key", self._secret.encode("utf-8", "replace"))] if self._secret else []
        principal = await self._state.authenticator.caller({"headers": headers})
        principal.need(SCOPE)
        return principal

    async def _watch(self) -> None:
        """Raise once the key has been revoked, or the reader has taken nothing for too long."""
        while True:
            await asyncio.sleep(_CHECK_S)
            if self._busy_since and self._now() - self._busy_since > _SEND_S:
                raise WebSocketDisconnect(TRY_AGAIN, "too slow; reconnect with the last seen id")
            with suppress(Unavailable):
                await self._principal()

    async def _read(self, principal: Principal) -> None:
        while True:
            try:
                said = await self._receive()
                if said.subscribe is not None:
                    await self._subscribe(principal, said.subscribe, said.after)
                elif said.unsubscribe is not None:
                    self._unsubscribe(said.unsubscribe)
                    await self.say({"type": "unsubscribed", "subscription": said.unsubscribe[:80]})
                elif said.ping is not None:
                    await self.say({"type": "pong", "ping": said.ping})
            except ParleyError as error:
                await self.say({"type": "error", "problem": error.problem()})

    async def _receive(self) -> Said:
        if self._socket.application_state is not WebSocketState.CONNECTED:
            raise WebSocketDisconnect
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1000))
        text = message.get("text") or ""
        if len(text) > _MAX_MESSAGE:
            raise BadInput("message_too_long", f"A message has at most {_MAX_MESSAGE} characters.")
        try:
            return _decode(text)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise BadInput(
                "message_invalid",
                'Send JSON such as {"subscribe": {"run": "run_…"}, "after": "0"}.',
            ) from error

    async def _subscribe(self, principal: Principal, topic: Topic, after: str) -> None:
        name, stream = await self._stream_of(principal, topic)
        if name not in self._pumps and len(self._pumps) >= MOST:
            raise RateLimited(
                "subscriptions_full", f"One socket carries at most {MOST} subscriptions."
            )
        self._unsubscribe(name)
        listener = self._hub.listener(stream, name, after, self._send)
        try:
            await self._hub.follow(listener)
            gap = await self._is_gone(stream, after)
        except REDIS_ERRORS as error:
            self._hub.leave(listener)
            raise Unavailable(
                "events_unavailable", "Events cannot be read right now; try again in a moment."
            ) from error
        await self.say({"type": "subscribed", "subscription": name, "after": after, "gap": gap})
        self._pumps[name] = (listener, asyncio.create_task(self._pump(listener)))

    async def _pump(self, listener: Listener) -> None:
        try:
            await listener.pump()
        except (RuntimeError, WebSocketDisconnect):
            # Gone: the socket ends, the events stay in their stream.
            with suppress(RuntimeError):
                await self._socket.close(TRY_AGAIN, "too slow; reconnect with the last seen id")

    def _unsubscribe(self, name: str) -> None:
        found = self._pumps.pop(name, None)
        if found is not None:
            self._hub.leave(found[0])
            found[1].cancel()

    async def _stream_of(self, principal: Principal, topic: Topic) -> tuple[str, str]:
        """Return name and stream of what is asked for, if it is the caller's own."""
        chosen = [topic.run is not None, topic.campaign is not None, topic.organisation]
        if sum(chosen) != 1:
            raise BadInput("topic_invalid", "Name one of run, campaign and organisation.")
        if topic.organisation:
            return "organisation", organisation_stream(principal.org_id)
        db = self._state.services.db
        if topic.run is not None:
            run_id = check_id(topic.run, "run")
            async with db.tenant(principal.org_id) as session:
                await Runs(session).get(run_id)
            return f"run:{run_id}", progress_stream(run_id)
        campaign_id = check_id(topic.campaign or "", "cmp")
        async with db.tenant(principal.org_id) as session:
            await Campaigns(session).get(campaign_id)
        return f"campaign:{campaign_id}", campaign_stream(campaign_id)

    async def _is_gone(self, stream: str, after: str) -> bool:
        """Tell whether entries after the last seen one may have been dropped already."""
        if after.partition("-")[0] == "0":
            return False
        found: Any = await self._state.services.redis.xrange(stream, min=after, max=after, count=1)
        return not found

    async def _send(self, text: str) -> None:
        # A thousand sockets hear each event: no lock (a frame is written whole) and no timer per frame.
        self._busy_since = self._busy_since or self._now()
        await self._socket.send({"type": "websocket.send", "text": text})
        self._busy_since = 0.0


def _code(error: ParleyError) -> int:
    if isinstance(error, Unavailable | RateLimited):
        return TRY_AGAIN
    return FORBIDDEN if error.status == 403 else UNAUTHENTICATED
