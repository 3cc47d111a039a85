"""Signals that ask a run to stop: finish the chunk, save, exit resumable; a second one exits at once."""

import contextlib
import os
import signal
from types import FrameType, TracebackType


class Stop:
    """While entered, SIGTERM, SIGINT and SIGUSR1 set `requested` instead of ending the process.

    SIGUSR1 is what a scheduler sends as a warning before it ends a job.
    """

    SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)

    def __init__(self) -> None:
        self.requested: str | None = None
        self._before: dict[int, object] = {}

    def __enter__(self) -> "Stop":
        for number in self.SIGNALS:
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # pyright: ignore[reportArgumentType]

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.requested is not None:
            os._exit(128 + number)
        self.requested = signal.Signals(number).name
        with contextlib.suppress(OSError):
            os.write(
                2, f"\n{self.requested}: stopping after this chunk; the same signal again exits at once\n".encode()
            )
