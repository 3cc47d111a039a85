"""`WorkerClient`: an vector in a worker process that may hang or die, which fails one episode and no other.

The worker says in shared memory what it is about to do (`_pulse`). Where it dies, or says nothing new for too long,
it is killed, the episode that it was at has failed, and another worker plays what is left. Episodes that were broken
off with it begin again: their noise is keyed by episode and step, so they end as they would have ended.
"""

import contextlib
import multiprocessing
import time
from collections.abc import Callable, Sequence
from ctypes import c_uint64
from typing import Any

import numpy as np
from jaxtyping import Float

from cfgrl._errors import DataError
from cfgrl.evaluation._episode import Episode
from cfgrl.evaluation._heartbeat import Heartbeat
from cfgrl.evaluation._outcomes import Outcome
from cfgrl.evaluation._vector_environment import Round, VectorEnvironment
from cfgrl.evaluation._worker_process import serve

#: Seconds that a worker may take to start, and then to make one environment.
STARTING = 120.0
#: Workers in a row that may be lost without an episode at fault and without one that ended.
LOST = 3
#: Longest time between two looks at a worker that counts as time it was given: this process may have been stopped.
LOOK = 0.5


class WorkerClient:
    """An vector in a worker process, which ends when this process closes the pipe or dies.

    **Arguments:**

    - `make_arena`: makes the vector in the worker, from episodes; must be picklable.
    - `episodes`: what to play.
    - `timeout`: seconds that one reset or step of an environment may take.

    **Raises:** `DataError` where a worker cannot be started.
    """

    def __init__(self, make_arena: Callable[..., VectorEnvironment], episodes: Sequence[Episode], *, timeout: float):
        # Spawned, not forked: a forked copy of XLA's threads can deadlock.
        self._context = multiprocessing.get_context("spawn")
        self._make_arena, self._timeout = make_arena, timeout
        #: What the worker was given, and what of it is over.
        self._given, self._over = list(episodes), set[Episode]()
        #: Whether environments could be made at least once; workers lost since an episode ended.
        self._made, self._lost = False, 0
        self.anew = False
        self._start()

    @property
    def pid(self) -> int | None:
        """The worker's process."""
        return self._process.pid

    def ready(self, seconds: float) -> bool:
        """Wait at most so long for an answer, the worker's death, or the end of the time that it has."""
        self._heard = self._pipe.poll(seconds)  # true of a closed pipe too
        if self._heard:
            self._hung = False
            return True
        now, doing = time.monotonic(), self._pulse.read()
        self._silent = self._silent + min(now - self._looked, LOOK) if doing == self._doing else 0.0
        self._doing, self._looked = doing, now
        starting = doing.making or doing.episode is None
        self._hung = self._silent > (max(STARTING, self._timeout) if starting else self._timeout)
        return self._hung or not self._process.is_alive()

    def receive(self) -> Round:
        """The worker's answer, or where there is none the episode that failed. Raises what the worker raised."""
        answer: Any = None
        if self._heard:  # otherwise a process that the environment forked may hold the pipe open for ever
            with contextlib.suppress(EOFError, OSError):
                answer = self._pipe.recv()
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            return self._replace()
        self._busy, self._made, self.anew = False, True, False
        self._note(answer.outcomes)
        return answer

    def send(self, actions: Float[np.ndarray, "slots action"]) -> None:
        """Ask for another round; returns at once. A worker that begins anew has not asked for actions."""
        if self.anew:
            return
        with contextlib.suppress(OSError):  # the next `receive` finds that the worker died
            self._pipe.send(actions)
        self._wait()

    def close(self) -> None:
        """End the worker. One that owes an answer may be hanging, and is not waited for."""
        self._pipe.close()
        if not self._busy:
            self._process.join(timeout=1)
        self._process.kill()
        self._process.join(timeout=1)

    def _start(self) -> None:
        try:
            cell = self._context.RawValue(c_uint64)
            pipe, theirs = self._context.Pipe()
            words = (theirs, cell, self._make_arena, self._given, not self._made)
            process = self._context.Process(target=serve, args=words, daemon=True)
            process.start()
        except OSError as error:
            raise DataError(f"An environment worker could not be started: {error}.") from error
        theirs.close()
        self._pipe, self._process, self._pulse = pipe, process, Heartbeat(cell)
        self._wait()

    def _wait(self) -> None:
        """Something was asked for: its time begins."""
        self._busy, self._heard, self._hung, self._silent = True, False, False, 0.0
        self._looked, self._doing = time.monotonic(), self._pulse.read()

    def _note(self, outcomes: Sequence[Outcome]) -> None:
        if outcomes:
            self._over |= {Episode(*outcome[:4]) for outcome in outcomes}
            self._lost = 0

    def _replace(self) -> Round:
        """Bury the worker, count the episode that was its end, and let another worker play what is left."""
        if not self._hung:
            self._process.join(timeout=1)  # for its exit code
        self.close()
        number = (self._doing if self._hung else self._pulse.read()).episode
        failed = []
        if number is None:
            self._lost += 1
            if self._lost == LOST:
                raise DataError(self._lament())
        else:  # an episode can be at fault only after all environments were made
            self._made = True
            failed = [Outcome(*self._given[number], success=0.0, return_=0.0, length=0, failed=True)]
            self._note(failed)
        self._given = [episode for episode in self._given if episode not in self._over]
        self.anew = bool(self._given)
        if self.anew:
            self._start()
        return Round(np.zeros((0, 0), np.float32), None, [], len(self._given), failed, [])

    def _lament(self) -> str:
        what = f"did nothing for {self._silent:.0f} s" if self._hung else f"died (exit code {self._process.exitcode})"
        return f"An environment worker {what}; `cfgrl doctor` looks at rendering and memory."
