"""Runs that are killed or asked to stop, finished by the same command to the same bits."""

import json
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import pytest
from childruns import cfgrl, generate, remains, train_words

STEPS = 1500
SEEDS = "seeds=[0,1]"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return generate(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def undisturbed(data: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    run = tmp_path_factory.mktemp("run") / "undisturbed"
    done = cfgrl(*train_words(data, run, STEPS, SEEDS))
    assert done.returncode == 0, done.stderr
    return run


def interrupt(data: pathlib.Path, run: pathlib.Path, after: int, number: signal.Signals) -> int:
    """Start training and send a signal once the metrics have reached `after` lines; returns the exit code."""
    command = [sys.executable, "-m", "cfgrl.cli._main", *train_words(data, run, STEPS, SEEDS)]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    metrics = run / "metrics.jsonl"
    while time.monotonic() < deadline and child.poll() is None:
        if metrics.exists() and metrics.read_text().count("\n") >= after:
            child.send_signal(number)
            break
        time.sleep(0.002)
    return child.wait(timeout=60)


def test_kill_and_stop_change_nothing(data: pathlib.Path, undisturbed: pathlib.Path, tmp_path: pathlib.Path):
    run = tmp_path / "run"
    assert interrupt(data, run, after=5, number=signal.SIGKILL) == -signal.SIGKILL
    assert remains(run) != remains(undisturbed)
    assert interrupt(data, run, after=20, number=signal.SIGTERM) == 75
    stopped = json.loads((run / "error.json").read_text())
    assert stopped["exit_code"] == 75 and stopped["step"] == int(remains(run)["step"]) < STEPS

    finished = cfgrl(*train_words(data, run, STEPS, SEEDS))
    assert finished.returncode == 0, finished.stderr
    assert remains(run) == remains(undisturbed)
    assert not (run / "error.json").exists()
    steps = [(record["step"], record["seed"]) for record in remains(run)["metrics"]]
    assert steps == [(step, seed) for step in range(50, STEPS + 1, 50) for seed in (0, 1)]


def written(run: pathlib.Path) -> dict[pathlib.Path, int]:
    """When each file of a run was last written, but for its lock."""
    return {p: p.stat().st_mtime_ns for p in run.rglob("*") if p.is_file() and p.name != ".lock"}


def test_a_finished_run_says_so_and_stays_as_it_is(data: pathlib.Path, undisturbed: pathlib.Path):
    before = written(undisturbed)
    again = cfgrl(*train_words(data, undisturbed, STEPS, SEEDS))
    assert again.returncode == 0 and "finished" in again.stdout
    assert written(undisturbed) == before


def test_another_configuration_is_refused_with_the_keys(data: pathlib.Path, undisturbed: pathlib.Path):
    before = remains(undisturbed)
    refused = cfgrl(
        *train_words(data, undisturbed, STEPS, SEEDS, "guidance.dropout=0.2", "optimizer.learning_rate=0.1")
    )
    assert refused.returncode == 2 and "Traceback" not in refused.stderr
    assert "guidance.dropout" in refused.stderr and "optimizer.learning_rate" in refused.stderr
    assert remains(undisturbed) == before


def test_a_damaged_newest_checkpoint_falls_back_and_strict_refuses(
    data: pathlib.Path, undisturbed: pathlib.Path, tmp_path: pathlib.Path
):
    run = tmp_path / "run"
    shutil.copytree(undisturbed, run)
    newest = run / "checkpoints" / str(STEPS)
    weights = max(newest.rglob("*"), key=lambda p: p.stat().st_size if p.is_file() and p.name == "0.0" else 0)
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)

    refused = cfgrl(*train_words(data, run, STEPS, SEEDS), "--strict")
    assert refused.returncode == 6 and str(STEPS) in refused.stderr and weights.parent.name in refused.stderr
    repaired = cfgrl(*train_words(data, run, STEPS, SEEDS))
    assert repaired.returncode == 0 and "Falling back" in repaired.stderr
    assert remains(run) == remains(undisturbed)
