"""Small training runs in child processes, as a user types them."""

import json
import pathlib
import subprocess
import sys
from typing import Any

NAME = "pointmaze-medium-navigate-v0"
TINY = (
    "train.log_every=50", "checkpoint.every=50", "train.batch_size=32", "policy.network.hidden=[16,16]",
    "policy.steps=2", "eval.episodes=2",
)  # fmt: skip


def cfgrl(*words: str, timeout: float = 300, **kwargs: Any) -> "subprocess.CompletedProcess[str]":
    """Run the command line in a child process."""
    command = [sys.executable, "-m", "cfgrl.cli._main", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, **kwargs)


def train_words(data: pathlib.Path, run: pathlib.Path, steps: int, *more: str, preset: str = "cfgrl-goal") -> list[str]:
    """The words of a tiny training command."""
    return ["train", preset, f"dataset.dir={data}", f"train.steps={steps}", *TINY, *more, "--run-dir", str(run)]


def generate(folder: pathlib.Path, episodes: int = 5) -> pathlib.Path:
    """A few real episodes in `folder`."""
    made = cfgrl("data", "generate", NAME, "--episodes", str(episodes), "--dir", str(folder))
    assert made.returncode == 0, made.stderr
    return folder


def remains(run: pathlib.Path) -> dict[str, Any]:
    """What two equal runs have in common: digests of the last state's arrays, and the metrics without clocks."""
    newest = max((run / "checkpoints").iterdir(), key=lambda step: int(step.name) if step.name.isdecimal() else -1)
    leaves = json.loads((newest / "digests.json").read_text())["leaves"]
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    clocks = {"time", "run/train/updates_per_second"}
    return {
        "step": newest.name,
        "leaves": leaves,
        "metrics": [{k: v for k, v in record.items() if k not in clocks} for record in records],
    }
