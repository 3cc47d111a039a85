"""Commands side by side, each on cores of its own and within its memory.

A command is a child process in a session of its own: an interrupt from the keyboard reaches the sweep alone, which
asks its children to stop and waits until they have saved. If the sweep is killed they go on and end by themselves;
the next one meets their locks and waits.
"""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from cfgrl.sweeps._plan import safe
from cfgrl.sweeps._tasks import Task

#: Exit code of a command that was stopped because it took more memory than it may.
OUT_OF_MEMORY = 137
#: Exit code of a command whose folder another process holds: it is tried again when that may have ended.
_LOCKED = 7
_LOOK, _WEIGH, _AGAIN = 0.1, 1.0, 10.0
#: Seconds that a command has to save and end after it was asked to; a compilation can take one minute of them.
_GRACE = 180.0


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
                [sys.executable, "-m", "cfgrl", *task.words],
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


def memory_of(root: int) -> float:
    """GiB that a process and all that it started hold, what they share counted once; 0 where the system is silent."""
    parents: dict[int, list[int]] = {}
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            parents.setdefault(parent, []).append(int(path.name))
    total, left = 0, [root]
    while left:
        process = left.pop()
        left += parents.get(process, [])
        with contextlib.suppress(OSError, ValueError, IndexError):
            lines = pathlib.Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 2**20


def work(
    tasks: Sequence[Task],
    logs: pathlib.Path,
    *,
    slots: Sequence[Sequence[int]],
    memory: float,
    finished: Callable[[Done], None],
    stopped: Callable[[], bool],
) -> None:
    """Do the tasks; one that fails takes along those that wait for it, and no other.

    **Arguments:**

    - `logs`: where each task's output is appended.
    - `slots`: the cores of each place for a command.
    - `memory`: GiB that one command may take.
    - `finished`: told of each task that ended, also of one that is tried again because its folder is in use.
    - `stopped`: asked again and again; once it is true the running commands are asked to stop and are waited for.
    """
    pool = _Pool(tasks, logs, [list(slot) for slot in slots], memory)
    try:
        while pool.running or (pool.left and not pool.asked):
            if stopped() and not pool.asked:
                pool.ask()
            for done in pool.step():
                finished(done)
            time.sleep(_LOOK)
    finally:  # whatever went wrong here, nothing goes on behind the back of a sweep that has ended
        pool.ask()
        while pool.running:
            list(pool.step())
            time.sleep(_LOOK)


class _Pool:
    """The tasks that are left, and the commands that run."""

    def __init__(self, tasks: Sequence[Task], logs: pathlib.Path, free: list[list[int]], memory: float):
        self.left, self.running = list(tasks), list[_Child]()
        self.asked: float | None = None
        self._logs, self._free, self._memory = logs, free, memory
        self._pending, self._failed = {task.name for task in tasks}, set[str]()
        self._later: dict[str, float] = {}

    def ask(self) -> None:
        """Ask the running commands to stop."""
        if self.asked is None:
            self.asked = time.monotonic()
            for child in self.running:
                child.process.send_signal(signal.SIGTERM)

    def step(self) -> Iterator[Done]:
        """Look at what runs, and start what can; gives what ended."""
        for child in list(self.running):
            child.weigh(self._memory)
            if self.asked is not None and time.monotonic() - self.asked > _GRACE:
                child.kill()
            if (done := child.done()) is not None:
                self._took(child, done)
                yield done
        self._drop_spoilt()
        while self._free and self.asked is None and (task := self._ready()) is not None:
            self.left.remove(task)
            log = self._logs / f"{safe(task.name)}.log"
            self.running.append(_Child(task, self._free.pop(0), log))

    def _took(self, child: _Child, done: Done) -> None:
        self.running.remove(child)
        self._free.append(list(child.cores))
        if done.code == _LOCKED:
            self._later[child.task.name] = time.monotonic() + _AGAIN
            self.left.append(child.task)
        else:
            (self._pending.discard if done.code == 0 else self._failed.add)(child.task.name)

    def _drop_spoilt(self) -> None:
        """Leave out what waits for something that failed."""
        for task in [task for task in self.left if self._failed.intersection(task.after)]:
            self.left.remove(task)
            self._failed.add(task.name)

    def _ready(self) -> Task | None:
        now = time.monotonic()
        free = (task for task in self.left if self._later.get(task.name, 0.0) <= now)
        return next((task for task in free if not self._pending.intersection(task.after)), None)


def places(cores: Sequence[int], *, each: int, memory: float, each_memory: float) -> list[list[int]]:
    """The cores of every place for a command, as many as cores and memory allow; empty where none has room."""
    count = min(len(cores) // each, int(memory // each_memory))
    return [list(cores[n * each : (n + 1) * each]) for n in range(count)]
