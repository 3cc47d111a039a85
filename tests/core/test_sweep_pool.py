"""Commands side by side: order, failure, cores, memory, stopping."""

import os
import pathlib
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
    done = do([Task("machine", ("doctor", "--json"))], tmp_path, slots=1)
    assert done["machine"].code in (0, 1)
    environment = _seen(tmp_path)
    assert environment == ("1", 1)


def _seen(folder: pathlib.Path) -> tuple[str, int]:
    """Threads and cores of a child, as a child that only tells them saw them."""
    import subprocess
    import sys

    child = _pool._Child(Task("x", QUICK), [min(os.sched_getaffinity(0))], folder / "x.log")
    try:
        pid = child.process.pid
        cores = len(os.sched_getaffinity(pid))
        variables = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        threads = next(v for v in variables if v.startswith(b"PJRT_NPROC=")).partition(b"=")[2].decode()
        return threads, cores
    finally:
        child.process.wait()
        assert sys.executable and subprocess


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


def test_memory_of_a_session_counts_its_processes() -> None:
    assert _pool.memory_of(os.getsid(0)) > 0.01
    assert _pool.memory_of(2**22 + 1) == 0
