"""Where tasks are computed: in processes of this computer, or in a cluster of Dask."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import Any, Protocol

from agent.fleet.reanalysis.task import WORKER_DIED, InputResult, Task, TaskResult
from agent.fleet.reasons import REANALYSIS_WORKERS_DIE, SCHEDULER_UNREACHABLE
from drivers.reasons import CodedError

AHEAD = 4  # tasks for each worker that are passed on before their turn
TRIES = 3  # of a task whose worker dies
CONNECT_S, TASK_S = 10.0, 3600.0  # longest wait for a scheduler with a worker, and for a result
Compute = Callable[[Task], TaskResult]


class ReanalysisError(CodedError):
    """Nothing can be computed."""


class Workers(Protocol):
    def results(self, tasks: Iterable[Task]) -> Iterator[TaskResult]:
        """In the order of the tasks. An input with which a worker dies again and again has the problem WORKER_DIED.

        Raises ReanalysisError.
        """
        ...


class ProcessWorkers:
    """A pool of processes; one that dies is replaced, and its tasks are computed again.

    prepare: called at the start of each process. deaths: how often the pool was replaced.
    """

    def __init__(self, count: int, compute: Compute, prepare: Callable[[], None]) -> None:
        self._count, self._compute, self._prepare = count, compute, prepare
        self.deaths = 0

    def results(self, tasks: Iterable[Task]) -> Iterator[TaskResult]:
        todo, pending, tries = iter(tasks), deque[tuple[Task, Any]](), 0
        pool = self._pool(self._count)
        try:
            while True:
                try:
                    for task in islice(todo, AHEAD * self._count - len(pending)):
                        pending.append((task, None))
                    for number, (task, future) in enumerate(pending):
                        if future is None:
                            pending[number] = task, pool.submit(self._compute, task)
                    if not pending:
                        return
                    found = pending[0][1].result()
                except BrokenProcessPool:
                    tries += 1
                    self.deaths += 1
                    pool.shutdown()
                    pool = self._pool(self._count)
                    pending = deque((task, future if _is_done(future) else None) for task, future in pending)
                    if tries < TRIES:
                        continue
                    found = self._one_by_one(pending[0][0])
                tries = 0
                pending.popleft()
                yield found
        finally:
            pool.shutdown(cancel_futures=True)

    def _one_by_one(self, task: Task) -> TaskResult:
        """Each input in a separate process, to find the one with which the process dies."""
        code, results = "", list[InputResult]()
        for source in task.inputs:
            try:
                with self._pool(1) as pool:
                    found = pool.submit(self._compute, task._replace(inputs=(source,))).result()
                code, results = found.code, [*results, *found.results]
            except BrokenProcessPool:
                results.append(InputResult(source, "", [], WORKER_DIED))
        if len(results) > 1 and all(result.problem == WORKER_DIED for result in results):
            raise ReanalysisError(REANALYSIS_WORKERS_DIE(n=len(results)))
        return TaskResult(code, results)

    def _pool(self, count: int) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), self._prepare)


class DaskWorkers:
    """The workers of a scheduler, which have the same version of magwatt and see the lake under the same path."""

    def __init__(self, scheduler: str, compute: Compute) -> None:
        self._scheduler, self._compute = scheduler, compute

    def results(self, tasks: Iterable[Task]) -> Iterator[TaskResult]:
        import distributed
        from distributed.scheduler import KilledWorker

        connect: Any = distributed.Client
        try:
            with connect(self._scheduler, timeout=CONNECT_S, set_as_default=False) as client:
                client.wait_for_workers(1, timeout=CONNECT_S)
                todo, pending = iter(tasks), deque[tuple[Task, Any]]()
                while True:
                    ahead = AHEAD * max(1, sum(client.nthreads().values()))
                    for task in islice(todo, max(0, ahead - len(pending))):
                        pending.append((task, client.submit(self._compute, task, pure=False)))
                    if not pending:
                        return
                    task, future = pending.popleft()
                    try:
                        yield future.result(timeout=TASK_S)
                    except KilledWorker:
                        yield TaskResult("", [InputResult(source, "", [], WORKER_DIED) for source in task.inputs])
        except OSError:
            raise ReanalysisError(SCHEDULER_UNREACHABLE(scheduler=self._scheduler)) from None


def _is_done(future: Any) -> bool:
    return future is not None and future.done() and not future.cancelled() and future.exception() is None
