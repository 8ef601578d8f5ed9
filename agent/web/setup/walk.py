"""The walk of `commission`: it runs in a separate thread and waits for the operator at the browser."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from agent.commissioning.selfcheck.live_values import LiveReader, Values
from agent.commissioning.wizard import reasons as codes
from agent.commissioning.wizard.answers import Answer, Question
from agent.commissioning.wizard.dialogue import Dialogue, Review, Reviewed
from agent.commissioning.wizard.duration import EstimatedDuration
from agent.commissioning.wizard.record import CommissioningRecord
from agent.config.model import Config
from agent.config.topology import assets
from agent.core.clock import SystemClock
from agent.web.commissioning.commissioning_evidence import STEPS
from agent.web.commissioning.wiring_picture import mistake_of
from agent.web.setup.live_wiring import WatchedWiring
from drivers.reading import Clock
from drivers.reasons import Reason

NAMEPLATE, DEVICES, WIRING, REGISTERS, DISPLAYS = STEPS  # of a motor
STEP_OF = {
    codes.NAMEPLATE_MATCHES: NAMEPLATE, codes.CTS_ON_THEIR_PHASE: WIRING, codes.REGISTERS_MATCH_DISPLAY: REGISTERS,
    codes.DISPLAY_MATCHES: DISPLAYS,
}  # fmt: skip
LIVE_S = 1.0  # from one reading of the present values to the next
END_S = 10.0  # longest wait for the end of a request that is being sent


class Progress(Struct):
    """A self-check that runs. done, total: readings; end_s: expected end, monotonic."""

    done: int
    total: int
    end_s: float


class Page(Struct):
    """What the operator looks at, one of statement, review and record; else the self-check runs.

    number: counts the pages, so that a late tap replies to no other page.
    """

    number: int
    asset: str
    step: str
    question: Question | None = None
    review: Review | None = None
    record: CommissioningRecord | None = None
    path: Path | None = None


class Outcome(Struct):
    """Of a motor: ok | bad | open for each step.

    replies: step → of the operator. checked: step → of the last self-check. points: open points of its record; None:
    there is none yet. path: of the record.
    """

    replies: dict[str, str] = field(default_factory=dict)
    checked: dict[str, str] = field(default_factory=dict)
    points: int | None = None
    path: Path | None = None

    def state(self, step: str) -> str:
        """The worse of both; empty: the step is still to come."""
        found = (self.replies.get(step, ""), self.checked.get(step, ""))
        return next((state for state in ("bad", "open", "ok") if state in found), "")


class Walk:
    """The commissioning of all motors. `commission` is called with the dialogue, in the thread of the walk.

    error: what ended the walk early; None: nothing.
    """

    def __init__(
        self, config: Config, commission: Callable[[Dialogue], Coroutine[Any, Any, list[CommissioningRecord]]],
        on_change: Callable[[], None], clock: Clock | None = None,
    ) -> None:  # fmt: skip
        self.assets = assets(config)
        self.error: Exception | None = None
        self.ended = False
        self.outcomes = {asset.name: Outcome() for asset in self.assets}
        self.progress: Progress | None = None
        self.page = Page(0, self.assets[0].name if self.assets else "", NAMEPLATE)
        self.live: dict[str, Values] = {}
        self.read_s: float | None = None  # of the present values, monotonic
        self.wiring: dict[str, WatchedWiring] = {}
        self._config, self._clock = config, clock or SystemClock()
        self._commission, self._on_change = commission, on_change
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self._answer: asyncio.Future[Any] | None = None
        self._reader: LiveReader | None = None
        self._thread = threading.Thread(target=self._run, name="commission", daemon=True)

    @property
    def now_s(self) -> float:
        """Monotonic time."""
        return self._clock.monotonic_ns() / 1e9

    def start(self) -> None:
        self._thread.start()

    def answer(self, number: int, value: Any) -> bool:
        """The operator's reply to a page; False: another page is open. From any thread.

        value: a reply with its remark for a statement, bool for a review, None for a record.
        """
        if number != self.page.number or self._loop is None or self.progress is not None:
            return False
        self._loop.call_soon_threadsafe(self._resolve, number, value)
        return True

    def stop(self) -> None:
        """Ends the walk; the records until then are kept."""
        if self._loop is not None and self._task is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._task.cancel)
            self._thread.join(END_S)

    # The guide of the wizard

    def begin_check(self, estimate: EstimatedDuration, readings: int) -> None:
        self.progress, self._reader = Progress(0, readings, self.now_s + estimate.sound), None
        self.wiring = {asset.name: WatchedWiring(self._config, asset, self._clock) for asset in self.assets}
        self._on_change()

    def on_values(self, device: str, values: Mapping[str, float]) -> None:
        assert self.progress is not None
        self.progress.done += 1
        self._show({device: dict(values)})

    async def ask(self, question: Question) -> Answer:
        step = STEP_OF.get(question.statement.code, DEVICES)
        answer: Answer = await self._answered(question.asset, step, question=question)
        replies = self.outcomes[question.asset].replies
        if replies.get(step, "ok") == "ok":
            replies[step] = {"yes": "ok", "no": "bad"}.get(answer.reply, "open")
        return answer

    async def review(self, review: Review) -> Reviewed:
        self._reader = review.live
        wrong = review.result.findings or review.result.notes or review.problems
        checked = self.outcomes[review.asset.name].checked
        checked[WIRING] = "bad" if wrong else "ok"
        again = bool(await self._answered(review.asset.name, WIRING, review=review))
        checked[REGISTERS] = "ok"  # unless the operator is asked about some
        faults, meter = self.live_faults(review), review.asset.meter
        if again or not faults or meter is None:
            return Reviewed(again)
        checked[WIRING] = "bad"
        return Reviewed(again, (codes.WIRING_BY_ANGLES(meter=meter.name, fault=faults[0]),))

    def live_faults(self, review: Review) -> tuple[Reason, ...]:
        """What the present values show of the wiring; nothing if the self-check has found wrong wiring, too."""
        known = any(mistake_of(item.reason) for item in review.result.findings)
        return () if known else self.wiring[review.asset.name].faults

    async def recorded(self, record: CommissioningRecord, path: Path) -> None:
        self._reader = None
        outcome = self.outcomes[record.asset]
        outcome.points, outcome.path = len(record.open_points), path
        await self._answered(record.asset, "", record=record, path=path)

    async def _answered(self, asset: str, step: str, **shown: Any) -> Any:
        """Shows a page until the operator replies. With a reader the present values are read meanwhile."""
        self.progress = None
        self.page = Page(self.page.number + 1, asset, step, **shown)
        self._answer = asyncio.get_running_loop().create_future()
        self._on_change()
        while not self._answer.done():
            if self._reader is None:
                await self._answer
                break
            self._show(await self._reader.read())
            await asyncio.wait([self._answer], timeout=LIVE_S)
        return self._answer.result()

    def _show(self, values: dict[str, Values]) -> None:
        """values: of the devices that were just read."""
        self.live, self.read_s = {**self.live, **values}, self.now_s
        for wiring in self.wiring.values():
            wiring.on_values(values)
        self._on_change()

    def _resolve(self, number: int, value: Any) -> None:
        if number == self.page.number and self._answer is not None and not self._answer.done():
            self._answer.set_result(value)

    def _run(self) -> None:
        async def main() -> None:
            self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
            await self._commission(Dialogue(lambda line: None, self.ask, self))

        try:
            asyncio.run(main())
        except asyncio.CancelledError:
            pass
        except Exception as error:  # shown to the operator, whatever it is
            self.error = error
        self.ended, self.progress = True, None
        self._on_change()
