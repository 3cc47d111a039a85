"""Signals that ask a run to stop: finish the compiled call, save, exit resumable; a second one exits at once.

Python answers a signal only between two of its own instructions, and a compilation can take a minute without one. The
number of a signal is therefore also written to a pipe, at once, and a thread of its own reads it there.
"""

import contextlib
import os
import signal
import threading
from types import TracebackType

from cfgrl._errors import Preempted


class Stop:
    """While entered, SIGTERM, SIGINT and SIGUSR1 set `requested` instead of ending the process.

    SIGUSR1 is what a scheduler sends as a warning before it ends a job. To be entered in the main thread.
    """

    SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)

    def __init__(self) -> None:
        self.requested: str | None = None
        self._before: dict[int, object] = {}

    def __enter__(self) -> "Stop":
        reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)
        self._thread = threading.Thread(target=self._listen, args=(reading,), name="signals", daemon=True)
        self._thread.start()
        self._wakeup = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        for number in self.SIGNALS:  # a handler, though it does nothing: without one the signal ends the process
            self._before[number] = signal.signal(number, lambda number, frame: None)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # pyright: ignore[reportArgumentType]
        signal.set_wakeup_fd(self._wakeup)
        os.close(self._writing)  # ends the thread
        self._thread.join()

    def preempted(self, where: str) -> Preempted:
        """The error that ends a run after a requested stop; `where` says how far it came."""
        return Preempted(f"Stopped by {self.requested} {where}; the same command resumes.")

    def _listen(self, reading: int) -> None:
        while numbers := os.read(reading, 64):
            for number in numbers:
                if number in self.SIGNALS:
                    self._answer(number)
        os.close(reading)

    def _answer(self, number: int) -> None:
        if self.requested is not None:
            os._exit(128 + number)
        self.requested = signal.Signals(number).name
        with contextlib.suppress(OSError):
            os.write(2, f"\n{self.requested}: about to save and stop; the same signal again exits at once\n".encode())
