"""Signals that ask a run to stop: finish the compiled call, save, exit resumable; a second one exits at once.

Python answers a signal only between two of its own instructions, and a compilation can take a minute without one. The
number of a signal is therefore also written to a pipe, at once, and a thread of its own reads it there.
"""

import contextlib
import os
import select
import signal
import threading
from types import TracebackType
from typing import ClassVar

from cfgrl._errors import Preempted

_END = b"\0"  # no signal has this number


class Stop:
    """While entered, SIGTERM, SIGINT and SIGUSR1 set `requested` instead of ending the process.

    SIGUSR1 is what a scheduler sends as a warning before it ends a job. To be entered in the main thread, once.
    """

    SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
    _entered: ClassVar["Stop | None"] = None

    def __init__(self) -> None:
        self.requested: str | None = None
        self._before: dict[int, object] = {}

    def __enter__(self) -> "Stop":
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)
        self._thread = threading.Thread(target=self._listen, name="signals", daemon=True)
        self._thread.start()
        Stop._entered = self
        self._wakeup = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        for number in self.SIGNALS:  # a handler, though it does nothing: without one the signal ends the process
            self._before[number] = signal.signal(number, lambda number, frame: None)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._forget()
        os.write(self._writing, _END)
        self._thread.join()
        os.close(self._reading)
        os.close(self._writing)

    def preempted(self, where: str) -> Preempted:
        """The error that ends a run after a requested stop; `where` says how far it came."""
        return Preempted(f"Stopped by {self.requested} {where}; the same command resumes.")

    def _forget(self) -> None:
        """Let signals do what they did before."""
        Stop._entered = None
        signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._before.items():
            if handler is not None:  # what was not installed from Python cannot be put back from there
                signal.signal(number, handler)  # pyright: ignore[reportArgumentType]

    @classmethod
    def _forget_in_child(cls) -> None:
        """A forked child shares the pipe: what ends the child would stop the run."""
        if cls._entered is not None:
            cls._entered._forget()

    def _listen(self) -> None:
        while _END not in (numbers := os.read(self._reading, 64)):
            for number in numbers:
                if number in self.SIGNALS:
                    self._answer(number)

    def _answer(self, number: int) -> None:
        if self.requested is not None:
            os._exit(128 + number)
        self.requested = signal.Signals(number).name
        told = f"\n{self.requested}: about to save and stop; the same signal again exits at once\n"
        with contextlib.suppress(OSError, ValueError):
            if select.select([], [2], [], 0)[1]:  # a terminal that is held would hold this thread
                os.write(2, told.encode())


os.register_at_fork(after_in_child=Stop._forget_in_child)
