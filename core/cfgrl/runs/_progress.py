"""Progress on standard error: one live line on a terminal, plain lines elsewhere."""

import contextlib
import shutil
import sys
import time
from typing import TextIO

from cfgrl.files._printable import printable


class Progress:
    """Tells how far something is, how fast it goes and how long it will take.

    **Arguments:**

    - `what`: the thing counted, in the plural (`updates`).
    - `total`: how many there will be; `start`: how many were done before this process.
    - `every`: seconds between two plain lines where the stream is no terminal.
    """

    def __init__(self, what: str, total: int, *, start: int = 0, every: float = 10.0, stream: TextIO | None = None):
        self._what, self._total, self._start, self._every = what, total, start, every
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._began = self._last = time.monotonic()

    def show(self, done: int, detail: str = "") -> None:
        """Report `done` of the total; the last report always appears."""
        now = time.monotonic()
        if done < self._total and now - self._last < (0.1 if self._live else self._every):
            return
        self._last = now
        rate = (done - self._start) / max(now - self._began, 1e-9)
        left = (self._total - done) / rate if rate > 0 else 0.0
        line = f"{done:,}/{self._total:,} {self._what}  {rate:,.0f}/s  {clock(left)} left"
        line += f"  {detail}" if detail else ""
        if self._live:
            width = shutil.get_terminal_size().columns - 1
            self._write("\r\x1b[K" + line[:width] + ("\n" if done >= self._total else ""))
        else:
            self._write(line + "\n")

    def say(self, message: str) -> None:
        """A line of its own, above the live one."""
        self._write(("\r\x1b[K" if self._live else "") + printable(message) + "\n")

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # a closed or full stream must not end the work
            self._stream.write(text)
            self._stream.flush()


def clock(seconds: float) -> str:
    """Seconds as `h:mm:ss` or `m:ss`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
