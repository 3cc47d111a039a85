"""Commands side by side, each on cores of its own and within its memory.

A command is a child process in a session of its own: an interrupt from the keyboard reaches the sweep alone, which
asks its children to stop and waits until they have saved.
"""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from cfgrl.sweeps._tasks import Task

#: Exit code of a command that was stopped because it took more memory than it may.
OUT_OF_MEMORY = 137
_LOOK = 0.1
_WEIGH = 1.0


class Done(NamedTuple):
    """What came of a task: its exit code (0 is good), the seconds it took, its log, the most memory seen, in GiB."""

    task: Task
    code: int
    seconds: float
    log: pathlib.Path
    memory: float


class _Child:
    """A running command."""

    def __init__(self, task: Task, cores: Sequence[int], log: pathlib.Path):
        self.task, self.cores, self.log = task, cores, log
        self.began, self.weighed, self.most, self.excessive = time.monotonic(), 0.0, 0.0, False
        log.parent.mkdir(parents=True, exist_ok=True)
        # XLA's threads decide the last bits of a result: as many as there are cores, on whichever machine.
        threads = str(len(cores))
        environment = {**os.environ, "PJRT_NPROC": threads, "OMP_NUM_THREADS": threads, "PYTHONUNBUFFERED": "1"}
        with log.open("ab") as output:
            output.write(f"$ cfgrl {' '.join(task.words)}\n".encode())
            output.flush()
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cfgrl.cli._main", *task.words],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,
            )
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(self.process.pid, set(cores))

    def weigh(self, most: float) -> None:
        """Look at its memory from time to time, and end it where it takes more than `most` GiB."""
        now = time.monotonic()
        if now - self.weighed < _WEIGH:
            return
        self.weighed = now
        self.most = max(self.most, memory_of(self.process.pid))
        if self.most > most and not self.excessive:
            self.excessive = True
            self.kill()

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def done(self) -> Done | None:
        code = self.process.poll()
        if code is None:
            return None
        self.kill()  # workers that it left behind
        code = OUT_OF_MEMORY if self.excessive else 128 - code if code < 0 else code
        return Done(self.task, code, time.monotonic() - self.began, self.log, self.most)


def memory_of(session: int) -> float:
    """GiB that all processes of a session hold, what they share counted once; 0 where the system does not say."""
    total = 0
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(path.name)) == session:
                lines = (path / "smaps_rollup").read_text().splitlines()
                total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        except (OSError, ValueError, IndexError):
            continue
    return total / 2**20


def work(
    tasks: Sequence[Task],
    logs: pathlib.Path,
    *,
    slots: Sequence[Sequence[int]],
    memory: float,
    finished: Callable[[Done], None],
    stopped: Callable[[], bool],
    beat: Callable[[Sequence[Task]], None] = lambda running: None,
) -> None:
    """Do the tasks; one that fails takes along those that wait for it, and no other.

    **Arguments:**

    - `logs`: where each task's output is appended.
    - `slots`: the cores of each place for a command.
    - `memory`: GiB that one command may take.
    - `finished`: told of each task that ended.
    - `stopped`: asked again and again; once it is true the running commands are asked to stop and are waited for.
    - `beat`: told what is running, a few times a second.
    """
    left, free, running = list(tasks), list(slots), []
    pending = {task.name for task in tasks}
    failed: set[str] = set()
    asked = False
    while running or (left and not asked):
        if stopped() and not asked:
            asked = True
            for child in running:
                child.process.send_signal(signal.SIGTERM)
        left = [task for task in left if not failed.intersection(task.after) or failed.add(task.name)]
        while free and not asked and (task := _ready(left, pending)) is not None:
            left.remove(task)
            running.append(_Child(task, free.pop(0), logs / f"{task.name.replace('/', '_').replace(' ', '_')}.log"))
        for child in list(running):
            child.weigh(memory)
            if (done := child.done()) is not None:
                running.remove(child)
                free.append(child.cores)
                (pending.discard if done.code == 0 else failed.add)(child.task.name)
                finished(done)
        beat([child.task for child in running])
        time.sleep(_LOOK)


def _ready(left: Sequence[Task], pending: set[str]) -> Task | None:
    return next((task for task in left if not pending.intersection(task.after)), None)


def places(cores: Sequence[int], *, each: int, memory: float, each_memory: float) -> list[list[int]]:
    """The cores of every place for a command, as many as cores and memory allow; empty where none has room."""
    count = min(len(cores) // each, int(memory // each_memory))
    return [list(cores[n * each : (n + 1) * each]) for n in range(count)]


def available_cores() -> list[int]:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def available_memory() -> float:
    """GiB that are free now, or all there are where the system does not say."""
    try:
        lines = pathlib.Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")) / 2**20
    except (OSError, StopIteration, ValueError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
