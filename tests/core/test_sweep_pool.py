"""Commands side by side: order, failure, cores, memory, stopping."""

import fcntl
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Sequence

import pytest

from cfgrl.sweeps import _pool
from cfgrl.sweeps._pool import Done, places, work
from cfgrl.sweeps._tasks import Task

QUICK = ("--version",)
WRONG = ("show", "no-such-thing")


def do(
    tasks: Sequence[Task], folder: pathlib.Path, *, slots: int = 2, memory: float = 4.0, stop_after: int | None = None
) -> dict[str, Done]:
    found: dict[str, Done] = {}
    core = min(os.sched_getaffinity(0))
    work(
        tasks,
        folder,
        slots=[[core]] * slots,
        memory=memory,
        finished=lambda done: found.update({done.task.name: done}),
        stopped=lambda: stop_after is not None and len(found) >= stop_after,
    )
    return found


def test_a_task_waits_for_those_it_needs_and_a_failure_takes_only_its_own_along(tmp_path: pathlib.Path) -> None:
    tasks = [
        Task("last", QUICK, ("middle",)),
        Task("middle", QUICK, ("first",)),
        Task("first", QUICK),
        Task("wrong", WRONG),
        Task("spoilt", QUICK, ("wrong",)),
        Task("spoilt too", QUICK, ("spoilt",)),
        Task("waits for what is already done", QUICK, ("elsewhere",)),
    ]
    done = do(tasks, tmp_path)
    assert list(name for name in done if name in ("first", "middle", "last")) == ["first", "middle", "last"]
    assert {name: found.code for name, found in done.items()} == {
        "first": 0, "middle": 0, "last": 0, "wrong": 2, "waits for what is already done": 0,
    }  # fmt: skip
    assert "no-such-thing" in done["wrong"].log.read_text()
    assert done["first"].log.read_text().startswith("$ cfgrl --version\n")


def test_a_command_has_the_cores_of_its_place_and_as_many_threads(tmp_path: pathlib.Path) -> None:
    child = _pool._Child(Task("x", QUICK), [min(os.sched_getaffinity(0))], tmp_path / "x.log")
    try:
        # Between fork and exec the child still has the environment of this process.
        about = pathlib.Path(f"/proc/{child.process.pid}/cmdline")
        deadline = time.monotonic() + 60
        while about.read_bytes() == pathlib.Path("/proc/self/cmdline").read_bytes() and time.monotonic() < deadline:
            time.sleep(0.005)
        cores = len(os.sched_getaffinity(child.process.pid))
        variables = pathlib.Path(f"/proc/{child.process.pid}/environ").read_bytes().split(b"\0")
    finally:
        child.process.wait()
    assert cores == 1
    assert b"PJRT_NPROC=1" in variables


def test_a_folder_in_use_is_tried_again(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pool, "_AGAIN", 0.5)
    held = tmp_path / "held"
    held.mkdir()
    task = Task("train", ("train", "bandit", "train.steps=1", "--run-dir", str(held)))
    told: list[Done] = []
    with (held / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)

        def finished(done: Done) -> None:
            told.append(done)
            fcntl.flock(file, fcntl.LOCK_UN)  # whoever held it has ended meanwhile

        core = min(os.sched_getaffinity(0))
        work(
            [task, Task("after", QUICK, ("train",))],
            tmp_path / "logs",
            slots=[[core]],
            memory=4.0,
            finished=finished,
            stopped=lambda: False,
        )
    assert [(done.task.name, done.code) for done in told] == [("train", 7), ("train", 0), ("after", 0)]


def test_what_goes_wrong_in_the_sweep_leaves_nothing_running(tmp_path: pathlib.Path) -> None:
    words = ("train", "bandit", "train.steps=1000000", "--run-dir", str(tmp_path / "run"))
    core = min(os.sched_getaffinity(0))

    def finished(done: Done) -> None:
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        work(
            [Task("long", words), Task("short", QUICK)],
            tmp_path / "logs",
            slots=[[core]] * 2,
            memory=4.0,
            finished=finished,
            stopped=lambda: False,
        )
    assert not [
        path for path in pathlib.Path("/proc").glob("[0-9]*/cmdline") if str(tmp_path / "run").encode() in _read(path)
    ]


def _read(path: pathlib.Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_what_takes_too_much_memory_is_ended(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pool, "_WEIGH", 0.0)
    words = ("train", "bandit", "train.steps=100000", "--run-dir", str(tmp_path / "run"))
    done = do([Task("large", words), Task("small", QUICK)], tmp_path, memory=0.15)
    assert done["large"].code == _pool.OUT_OF_MEMORY
    assert done["large"].memory > 0.15
    assert done["small"].code == 0


def test_a_stop_starts_nothing_more(tmp_path: pathlib.Path) -> None:
    done = do([Task(f"{n}", QUICK) for n in range(4)], tmp_path, slots=1, stop_after=2)
    assert 2 <= len(done) <= 3


def test_places() -> None:
    assert places([0, 1, 2, 3, 4], each=2, memory=64.0, each_memory=4.0) == [[0, 1], [2, 3]]
    assert places([0, 1, 2, 3], each=1, memory=9.0, each_memory=4.0) == [[0], [1]]
    assert places([0], each=2, memory=64.0, each_memory=4.0) == []
    assert places([0], each=1, memory=3.0, each_memory=4.0) == []


def test_memory_counts_what_a_process_started() -> None:
    alone = _pool.memory_of(os.getpid())
    assert alone > 0.01
    assert _pool.memory_of(2**22 + 1) == 0
    hold = "x = bytes(1) * (300 << 20); print(flush=True); input()"
    keep = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hold!r}])"
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "start_new_session": True}
    with subprocess.Popen([sys.executable, "-c", keep], **options) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert _pool.memory_of(os.getpid()) - alone > 0.25  # of a child's child in another session
        child.communicate(b"\n")
