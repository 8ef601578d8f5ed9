"""The stream of live values (SSE): one event for all motors that changed, shared by all clients of a language."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from agent.core.local_time import zone_of
from agent.core.text import Catalogue
from agent.delivery.followed_messages import REMOVED, FollowedMessage
from agent.web.alarms.finding import Finding
from agent.web.base.context import Web, catalogue_for, language_of_request
from agent.web.base.motors import Entry, entries
from agent.web.http.login import Login
from agent.web.http.problem import problem
from agent.web.plant import motor_rows, plant
from agent.web.plant.findings import findings
from agent.web.plant.flow import flow_of
from agent.web.plant.motor_rows import MotorRow

STREAMS_MAX = 32
DELAY_S = 0.15
TICK_S = 1.0
FLOW_S = 1.0
BEAT_S = 2.0  # at least one event in this time: the page counts the seconds since the last one
COMMENT_S = 15.0
QUEUE_S = 2.0  # a client that is further behind gets the complete state again
SEND_S_MAX = 30.0
Detail = Callable[[Web, Catalogue, str], Any]  # gives details of one motor
_DETAIL_KINDS = {
    "pq3s": "power_quality",
    "harmonics": "power_quality",
    "event": "power_quality",
    "condition": "condition",
    # others: motor
}


class Client:
    """One stream. motor: whose details it gets, too."""

    def __init__(self, language: str, motor: str | None) -> None:
        self.language, self.motor = language, motor
        self.complete = True  # its next event contains everything
        self._queue: deque[tuple[float, bytes]] = deque()
        self._filled = asyncio.Event()

    def put(self, now_s: float, event: bytes) -> None:
        """Drops what is waiting when its oldest is more than QUEUE_S old; the next event is complete then."""
        if self._queue and now_s - self._queue[0][0] > QUEUE_S:
            self._queue.clear()
            self.complete = True
            return
        self._queue.append((now_s, event))
        self._filled.set()

    async def events(self) -> AsyncIterator[bytes]:
        yield b"retry: 3000\n\n"
        while True:
            try:
                async with asyncio.timeout(COMMENT_S):
                    await self._filled.wait()
            except TimeoutError:
                yield b": \n\n"
            self._filled.clear()
            while self._queue:
                yield self._queue.popleft()[1]


class _Event(NamedTuple):
    """now_s: when it is sent. moved: the motors or their order changed. with_flow: it shows where the power goes."""

    now_s: float
    moved: bool
    with_flow: bool


class LiveHub:
    """Collects changes from the thread of the follower and sends them to the clients, in the event loop.

    details: further keys of an event for a client that shows one motor: motor, power_quality.
    """

    def __init__(self, web: Web, details: Mapping[str, Detail] | None = None) -> None:
        self._web, self.details = web, details or {}
        self._clients: set[Client] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed: deque[tuple[str, str]] = deque()  # (topic, kind); filled in another thread
        self._flush_due = False
        self._rows: dict[str, dict[str, MotorRow]] = {}  # language → id → row that was sent last
        self._findings: dict[str, list[Finding]] = {}  # language → those that were sent last
        self._ids: list[str] = []
        self._sent_s = self._flow_s = 0.0
        self._ticking: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ticking = self._loop.create_task(self._tick())

    def stop(self) -> None:
        """Ends all streams."""
        self._ended.set()
        if self._ticking is not None:
            self._ticking.cancel()

    def on_change(self, followed: FollowedMessage, kind: str) -> None:
        """Of the follower, in its thread."""
        topic = f"{followed.gateway}/{followed.asset}"
        if kind == "telemetry":
            telemetry = followed.messages["telemetry"]
            self._web.recent.add(topic, telemetry, motor_rows.power_w_of(telemetry))
        elif kind == REMOVED:
            self._web.recent.forget(topic)
        self._changed.append((topic, kind))
        if not self._flush_due and self._loop is not None:
            self._flush_due = True
            self._loop.call_soon_threadsafe(self._delay)

    @property
    def clients(self) -> int:
        return len(self._clients)

    def enter(self, client: Client) -> bool:
        """Whether there is room for a stream; then `begin` and `leave` must follow."""
        if len(self._clients) >= STREAMS_MAX:
            return False
        self._clients.add(client)
        return True

    def begin(self) -> None:
        """Sends what has changed until now to all; the first event of a client contains everything."""
        self._send(self._taken(), list(self._clients))

    def leave(self, client: Client) -> None:
        self._clients.discard(client)
        if all(other.language != client.language for other in self._clients):
            self._rows.pop(client.language, None)  # they are no longer updated
            self._findings.pop(client.language, None)

    @property
    def ended(self) -> asyncio.Event:
        return self._ended

    def _delay(self) -> None:
        assert self._loop is not None
        self._loop.call_later(DELAY_S, self._flush)

    def _flush(self) -> None:
        self._flush_due = False
        self._send(self._taken(), list(self._clients))

    def _taken(self) -> dict[str, set[str]]:
        """Topic → kinds of the messages that were not sent yet."""
        kinds: dict[str, set[str]] = {}
        while self._changed:
            topic, kind = self._changed.popleft()
            kinds.setdefault(topic, set()).add(kind)
        return kinds

    async def _tick(self) -> None:
        """What changes without a message: rows become stale, the contact is lost."""
        while True:
            await asyncio.sleep(TICK_S)
            if self._clients and not self._flush_due:
                assert self._loop is not None
                overdue = self._loop.time() - self._sent_s >= BEAT_S
                if overdue or self._rows_aged():
                    self._send({}, list(self._clients))

    def _rows_aged(self) -> bool:
        sent = next(iter(self._rows.values()), {})
        return any(
            (row := sent.get(entry.id)) is None or motor_rows.freshness(self._web, entry).stale != row.stale
            for entry in entries(self._web)
        )

    def _send(self, kinds: dict[str, set[str]], clients: list[Client]) -> None:
        """kinds: topic → kinds of its new messages. Every motor whose row then differs is in the event."""
        if not clients:
            return
        assert self._loop is not None
        now_s = self._sent_s = self._loop.time()
        found = entries(self._web)
        ids = [entry.id for entry in found]
        moved, self._ids = ids != self._ids, ids
        with_flow = now_s - self._flow_s >= FLOW_S or any(client.complete for client in clients)
        self._flow_s = now_s if with_flow else self._flow_s
        for language in {client.language for client in clients}:
            mine = [client for client in clients if client.language == language]
            self._send_in(language, mine, found, kinds, _Event(now_s, moved, with_flow))

    def _send_in(
        self, language: str, clients: list[Client], found: list[Entry], kinds: dict[str, set[str]], event: _Event
    ) -> None:  # fmt: skip
        catalogue = catalogue_for(language, zone_of(self._web.zone))
        before = self._rows.get(language, {})
        rows = {
            entry.id: before[entry.id] if entry.id in before and self._same(entry, before[entry.id], kinds)
            else motor_rows.row_of(self._web, entry, catalogue)
            for entry in found
        }  # fmt: skip
        self._rows[language] = rows
        all_rows = list(rows.values())
        flow = flow_of(self._web, found, all_rows, catalogue) if event.with_flow else UNSET
        listed = findings(self._web, found, all_rows, catalogue)
        news = UNSET if listed == self._findings.get(language) else listed
        self._findings[language] = listed
        live = plant.live_of(self._web, catalogue, all_rows, flow, listed)
        changed = [row for name, row in rows.items() if row is not before.get(name)]
        complete = [client for client in clients if client.complete]
        if partial := [client for client in clients if not client.complete]:
            live.motors, live.ids, live.findings = changed, list(rows) if event.moved else None, news
            self._put(live, partial, found, kinds, catalogue, event.now_s)
        if complete:
            live.motors, live.ids, live.findings = all_rows, list(rows), listed
            for client in complete:
                client.complete = False
            self._put(live, complete, found, None, catalogue, event.now_s)

    def _same(self, entry: Entry, row: MotorRow, kinds: dict[str, set[str]]) -> bool:
        """Whether a row that was sent still holds."""
        return entry.topic not in kinds and motor_rows.freshness(self._web, entry).stale == row.stale and not row.stale

    def _put(
        self, live: plant.LiveEvent, clients: list[Client], found: list[Entry], kinds: dict[str, set[str]] | None,
        catalogue: Catalogue, now_s: float,
    ) -> None:  # fmt: skip
        """Encodes the event once, and once more for each motor whose details a client wants. kinds: None: all."""
        body = msgspec.json.encode(live)
        topics = {entry.id: entry.topic for entry in found}
        for motor in {client.motor for client in clients}:
            new = kinds.get(topics.get(motor or "", ""), set()) if kinds is not None else None
            event = self._framed(body, self._details(motor, new, catalogue) if motor in topics else b"")
            for client in clients:
                if client.motor == motor:
                    client.put(now_s, event)

    def _details(self, motor: str | None, new: set[str] | None, catalogue: Catalogue) -> bytes:
        """Further keys of the event. new: kinds of the new messages of this motor; None: everything."""
        wanted = set(self.details) if new is None else {_DETAIL_KINDS.get(kind, "motor") for kind in new}
        return b"".join(
            b',"%s":%s' % (key.encode(), msgspec.json.encode(make(self._web, catalogue, motor or "")))
            for key, make in self.details.items() if key in wanted
        )  # fmt: skip

    def _framed(self, body: bytes, details: bytes) -> bytes:
        return b"event: rows\nid: %d\ndata: %s%s}\n\n" % (self._web.now_ms(), body[:-1], details)


class EventStream(Response):
    """The response to GET /stream: ends with the client, with the hub, with the session (`permitted`), or when the
    client does not read."""

    def __init__(self, hub: LiveHub, client: Client, permitted: Callable[[], bool]) -> None:
        super().__init__(media_type="text/event-stream", headers={"cache-control": "no-store"})
        self._hub, self._client, self._permitted = hub, client, permitted
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._hub.enter(self._client):
            await problem(Request(scope), 503, headers={"retry-after": "10"})(scope, receive, send)
            return
        try:
            await self._run(receive, send)
        finally:
            self._hub.leave(self._client)

    async def _run(self, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        writing = asyncio.create_task(self._write(send))
        leaving = asyncio.create_task(_disconnected(receive))
        ending = asyncio.create_task(self._hub.ended.wait())
        try:
            await asyncio.wait((writing, leaving, ending), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (writing, leaving, ending):
                task.cancel()
            await asyncio.gather(writing, leaving, ending, return_exceptions=True)
        if self._hub.ended.is_set() or not self._permitted():
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _write(self, send: Send) -> None:
        self._hub.begin()
        async for event in self._client.events():
            if not self._permitted():
                return
            async with asyncio.timeout(SEND_S_MAX):
                await send({"type": "http.response.body", "body": event, "more_body": True})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _stream(request: Request) -> Response:
    if request.method == "HEAD":
        return Response(media_type="text/event-stream")
    login: Login | None = request.app.state.login
    client = Client(language_of_request(request), request.query_params.get("motor"))
    return EventStream(request.app.state.live, client, lambda: login is None or login.known(request))


routes = [Route("/api/v1/stream", _stream)]
