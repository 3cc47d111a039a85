"""Lanes: an arena in this process or in a worker process, behind `receive` and `send`.

With one worker a processor core the environments step in parallel. The results are the same either way.
"""

import contextlib
import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Float
from numpy import ndarray

from cfgrl._errors import CfgrlError, DataError
from cfgrl.evaluation._arena import Arena, Round


@runtime_checkable
class Lane(Protocol):
    """`receive` the newest round, then `send` the actions for the next one."""

    def receive(self) -> Round:
        """Wait for the round that was asked for last."""
        ...

    def send(self, actions: Float[ndarray, "slots action"]) -> None:
        """Ask for another round."""
        ...

    def close(self) -> None:
        """Free the environments."""
        ...


class LocalLane:
    """An arena in this process."""

    def __init__(self, make_arena: Callable[[], Arena]):
        self._arena = make_arena()
        self._round = self._arena.begin()

    def receive(self) -> Round:
        """The newest round."""
        return self._round

    def send(self, actions: Float[ndarray, "slots action"]) -> None:
        """Step at once."""
        self._round = self._arena.step(actions)

    def close(self) -> None:
        """Free the environments."""
        self._arena.close()


class WorkerLane:
    """An arena in a worker process, which ends when this process closes the pipe or dies."""

    def __init__(self, make_arena: Callable[[], Arena]):
        # Spawned, not forked: a forked copy of XLA's threads can deadlock.
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, make_arena), daemon=True)
        self._process.start()
        theirs.close()

    def receive(self) -> Round:
        """Wait for the worker. Raises what it raised, `DataError` where it died."""
        try:
            answer: Any = self._pipe.recv()
        except (EOFError, ConnectionError) as error:
            self._process.join(timeout=5)
            raise DataError(
                f"An environment worker died (exit code {self._process.exitcode}); "
                "`cfgrl doctor` looks at rendering and memory."
            ) from error
        if isinstance(answer, Exception):
            raise answer
        return answer

    def send(self, actions: Float[ndarray, "slots action"]) -> None:
        """Ask for another round; returns at once."""
        with contextlib.suppress(ConnectionError):  # the next `receive` says that the worker died
            self._pipe.send(actions)

    def close(self) -> None:
        """End the worker."""
        self._pipe.close()
        self._process.join(timeout=5)
        if self._process.is_alive():
            self._process.kill()


def _serve(pipe: Connection, make_arena: Callable[[], Arena]) -> None:
    """A worker's whole life. Signals to the group are the parent's to answer; its closed pipe ends this process."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    try:
        arena = make_arena()
        pipe.send(arena.begin())
        while True:
            pipe.send(arena.step(pipe.recv()))
    except (EOFError, ConnectionError):
        pass
    except Exception as error:
        with contextlib.suppress(ConnectionError):
            pipe.send(error if isinstance(error, CfgrlError) else DataError(f"{type(error).__name__}: {error}"))
