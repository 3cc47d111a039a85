"""Many episodes over many processes; which process makes an episode decides nothing."""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from queue import SimpleQueue

import numpy as np

from cfgrl import DataError

from .. import _files as files
from . import recipes
from .recipe import Recipe


def make(
    recipe: Recipe, *, seed: int, workers: int, label: str, directory: pathlib.Path
) -> tuple[np.ndarray, np.ndarray]:
    """Make all training and validation episodes.

    **Arguments:**

    - `recipe`: what to make.
    - `seed`: decides, with the split and the number of the episode, everything about an episode.
    - `workers`: number of processes.
    - `label`: what the progress line on standard error speaks of.
    - `directory`: where rows are kept while they are made, if they are many (images).

    **Returns:** two arrays of the recipe's `row`, of shape `(episodes, rows)`.
    """
    counts = (recipe.episodes, recipe.validation_episodes)
    made = [files.allocate((count, recipe.rows), recipe.row, directory) for count in counts]
    jobs = [(split, index) for split, count in enumerate(counts) for index in range(count)]
    with _processes(recipe, min(workers, len(jobs))) as idle, ThreadPoolExecutor(min(workers, len(jobs))) as pool:

        def one(split: int, index: int) -> None:
            process = idle.get()
            try:
                made[split][index] = _ask(process, (seed, split, index), recipe)
            finally:
                idle.put(process)  # a dead one too: its next user fails at once instead of waiting

        futures = [pool.submit(one, *job) for job in jobs]
        progress = _Progress(label, len(jobs), recipe.rows)
        try:
            for future in as_completed(futures):
                future.result()
                progress.advance()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    return made[0], made[1]


def _ask(process: "subprocess.Popen[bytes]", seed: tuple[int, ...], recipe: Recipe) -> np.ndarray:
    assert process.stdin is not None and process.stdout is not None
    size = recipe.rows * recipe.row.itemsize
    try:
        process.stdin.write(json.dumps(seed).encode() + b"\n")
        process.stdin.flush()
        answer = process.stdout.read(size)
    except BrokenPipeError:
        answer = b""
    if len(answer) != size:
        raise DataError(
            f"A process that generates data ended early (exit code {process.wait()}); its message is above."
        )
    return np.frombuffer(answer, recipe.row)


@contextlib.contextmanager
def _processes(recipe: Recipe, count: int) -> Iterator["SimpleQueue[subprocess.Popen[bytes]]"]:
    """Start `count` workers; they are gone afterwards, whatever happens."""
    command = [sys.executable, "-P", "-m", f"{__package__}.worker", recipes.to_text(recipe)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    started = []
    idle: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()
    try:
        for _ in range(count):
            # In a new session: an interrupt from the keyboard reaches this process only, which then ends its workers.
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True
            )
            started.append(process)
            idle.put(process)
        yield idle
    finally:
        for process in started:
            process.kill()
        for process in started:
            process.communicate()


class _Progress:
    """A line on standard error: rewritten on a terminal, otherwise a new one every tenth of the work."""

    def __init__(self, label: str, total: int, rows: int):
        self._label, self._total, self._rows = label, total, rows
        self._done, self._shown, self._start = 0, 0.0, time.monotonic()
        self._terminal = sys.stderr.isatty()

    def advance(self) -> None:
        self._done += 1
        now, finished = time.monotonic(), self._done == self._total
        if self._terminal:
            due = finished or now - self._shown > 0.2
        else:
            due = self._done * 10 // self._total > (self._done - 1) * 10 // self._total
        if due:
            self._shown = now
            rate = self._done / max(now - self._start, 1e-9)
            text = (
                f"{self._label}: {self._done:,} of {self._total:,} episodes, {rate * self._rows:,.0f} rows/s, "
                f"{(self._total - self._done) / rate:,.0f} s left"
            )
            start, end = ("\r\x1b[K", "\n" if finished else "") if self._terminal else ("", "\n")
            print(f"{start}{text}", end=end, file=sys.stderr, flush=True)
