"""Small training runs by the command line, in this process and in child processes."""

import contextlib
import io
import json
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from cfgrl.cli._main import main

NAME = "pointmaze-medium-navigate-v0"
TINY = (
    "train.log_every=50", "checkpoint.every=50", "train.batch_size=32", "policy.network.hidden=[16,16]",
    "policy.steps=2", "eval.episodes=2",
)  # fmt: skip


def cfgrl(*words: str, cwd: pathlib.Path | None = None) -> "subprocess.CompletedProcess[str]":
    """Run the command line in this process, which has imported and compiled much of what the command needs."""
    with (
        contextlib.redirect_stdout(io.StringIO()) as out,
        contextlib.redirect_stderr(io.StringIO()) as said,
        contextlib.chdir(cwd or pathlib.Path.cwd()),
    ):
        try:
            code = main(words)
        except SystemExit as stopped:
            code = stopped.code
    assert isinstance(code, int)
    return subprocess.CompletedProcess(words, code, out.getvalue(), said.getvalue())


def in_child(*words: str, timeout: float = 300, **kwargs: Any) -> "subprocess.CompletedProcess[str]":
    """Run the command line in a child process, as a user does."""
    command = [sys.executable, "-m", "cfgrl", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, **kwargs)


def begin(*words: str, stderr: int = subprocess.PIPE, **kwargs: Any) -> "subprocess.Popen[str]":
    """Start the command line in a child process; its standard error can be read."""
    command = [sys.executable, "-m", "cfgrl", *words]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stderr, text=True, **kwargs)


def wait_until(condition: Callable[[], bool], child: "subprocess.Popen[str]", *, timeout: float = 120) -> bool:
    """Look every half a millisecond whether `condition` holds; false where the child ended or the time is up first."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if condition():
            return True
        if child.poll() is not None:
            return False
        time.sleep(0.0005)
    return False


def writing(run: pathlib.Path) -> dict[str, int]:
    """The saves that are under way in a run's directory or were when their process ended, and when they changed."""
    found = {}
    # It may end between two looks.
    with contextlib.suppress(FileNotFoundError), os.scandir(run / "checkpoints") as entries:
        for entry in entries:
            if entry.name.endswith((".writing", ".removing")):
                found[entry.name] = entry.stat().st_mtime_ns
    return found


def train_words(data: pathlib.Path, run: pathlib.Path, steps: int, *more: str, preset: str = "cfgrl-goal") -> list[str]:
    """The words of a tiny training command."""
    return ["train", preset, f"dataset.dir={data}", f"train.steps={steps}", *TINY, *more, "--run-dir", str(run)]


def remains(run: pathlib.Path) -> dict[str, Any]:
    """What two equal runs have in common: digests of the last arrays, metrics and evaluations without clocks."""
    newest = max((run / "checkpoints").iterdir(), key=lambda step: int(step.name) if step.name.isdecimal() else -1)
    leaves = json.loads((newest / "digests.json").read_text())["leaves"]
    return {
        "step": newest.name,
        "leaves": leaves,
        "metrics": lines(run / "metrics.jsonl"),
        "evaluations": [record | {"run": ""} for record in lines(run / "eval.jsonl")],
    }


def lines(path: pathlib.Path) -> list[dict[str, Any]]:
    """The records of a file of JSON lines without what a clock said; none where there is no file."""
    clocks = {"time", "run/train/updates_per_second"}
    records = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [{k: v for k, v in record.items() if k not in clocks} for record in records]
