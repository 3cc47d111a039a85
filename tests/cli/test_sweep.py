"""`cfgrl sweep` as a user types it: resumed, retried, stopped, bounded, and read again by `cfgrl report`."""

import json
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import pytest
from childruns import cfgrl

REGISTRY = """
[sweep.tiny]
summary = "two ways out of one critic"
data.plane.use = "bandit"
seeds = [0, 1]
set.train.steps = 40
set.train.log_every = 20
set.train.batch_size = 16
set.policy.network.hidden = [8, 8]
set.policy.steps = 2
set.labeler.network.hidden = [8, 8]
set.labeler.learning_rate = 1e-3
set.eval.weights = [1.0, 2.0]
set.eval.episodes = 4
set.eval.environments = 4
arm.guided.preset = "bandit"
arm.weighted.preset = "flow-awr"
arm.weighted.labeler_from = "guided"
arm.weighted.vary.guidance.inverse_temperature = [1.0, 3.0]

[sweep.broken]
extends = "tiny"
arm.exploding.preset = "bandit"
arm.exploding.set.optimizer.learning_rate = 1e30
"""


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with a registry and its finished sweep."""
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "registry.toml").write_text(REGISTRY)
    found = cfgrl("sweep", "tiny", "--json", cwd=folder)
    assert found.returncode == 0, found.stderr
    (folder / "printed.json").write_text(found.stdout)
    return folder


def runs_of(folder: pathlib.Path) -> dict[str, pathlib.Path]:
    plan = json.loads((folder / "runs/sweeps/tiny/sweep.json").read_text())
    return {run["label"]: folder / "runs/sweeps/runs" / run["name"] for run in plan["runs"]}


def test_every_run_is_trained_and_judged_in_a_folder_of_its_own(done: pathlib.Path) -> None:
    runs = runs_of(done)
    assert list(runs) == ["guided", "weighted inverse_temperature=1", "weighted inverse_temperature=3"]
    for run in runs.values():
        assert (run / "checkpoints/40").is_dir()
        assert len((run / "eval.jsonl").read_text().splitlines()) == 1
        episodes = json.loads((run / "episodes.jsonl").read_text())
        evaluated = json.loads((run / "eval.jsonl").read_text())
        assert episodes["time"] == evaluated["time"]
        by_hand = sum(r for r, w in zip(episodes["return"], episodes["weight"], strict=True) if w in (None, 1.0))
        assert by_hand / 8 == pytest.approx(evaluated["results"][0]["return"])


def test_the_critic_is_trained_once_and_frozen(done: pathlib.Path) -> None:
    guided, *weighted = [
        json.loads((run / "checkpoints/40/digests.json").read_text())["leaves"] for run in runs_of(done).values()
    ]
    critic = {name: leaf["sha256"] for name, leaf in guided.items() if ".labeler." in f".{name}."}
    assert critic
    for leaves in weighted:
        assert {name: leaf["sha256"] for name, leaf in leaves.items() if ".labeler." in f".{name}."} == critic


def test_the_results_are_what_the_episodes_say(done: pathlib.Path) -> None:
    results = json.loads((done / "printed.json").read_text())
    written = json.loads((done / "runs/sweeps/tiny/results.json").read_text())
    assert {name: value for name, value in written.items() if name != "generator"} == results
    episodes = json.loads((runs_of(done)["guided"] / "episodes.jsonl").read_text())
    guided = next(entry for entry in results["arms"] if entry["arm"] == "guided")
    assert results["measure"] == "return"
    for point in guided["points"]:
        values = [r for r, w in zip(episodes["return"], episodes["weight"], strict=True) if w == point["weight"]]
        assert point["mean"] == pytest.approx(sum(values) / len(values))
        assert point["ci"][0] <= point["mean"] <= point["ci"][1]
    weighted = next(entry for entry in results["arms"] if entry["arm"] == "weighted")
    assert [point["varied"] for point in weighted["points"]] == [
        {"guidance.inverse_temperature": 1.0}, {"guidance.inverse_temperature": 3.0},
    ]  # fmt: skip
    assert results["missing"] == []
    assert all(cost["train"] > 0 and cost["eval"] > 0 for cost in results["costs"])


def test_what_is_done_is_not_done_again(done: pathlib.Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (done / "runs/sweeps/runs").rglob("*") if path.is_file()}
    again = cfgrl("sweep", "tiny", "--json", cwd=done)
    assert again.returncode == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    first, second = json.loads((done / "printed.json").read_text()), json.loads(again.stdout)
    assert {k: v for k, v in first.items() if k != "time"} == {k: v for k, v in second.items() if k != "time"}
    assert cfgrl("sweep", "tiny", "--dry-run", cwd=done).stdout == ""


def test_a_sweep_that_asks_for_the_same_runs_shares_them(done: pathlib.Path) -> None:
    (done / "other.toml").write_text(REGISTRY + '\n[sweep.part]\nextends = "tiny"\nonly = ["weighted"]\n')
    left = cfgrl("sweep", "part", "--registry", "other.toml", "--dry-run", cwd=done)
    assert (left.returncode, left.stdout) == (0, "")


def test_the_report_is_made_again_from_the_folder(done: pathlib.Path) -> None:
    page = done / "runs/sweeps/tiny/report.html"
    page.unlink()
    found = cfgrl("report", "runs/sweeps/tiny", cwd=done)
    assert found.returncode == 0, found.stderr
    assert "two ways out of one critic" in page.read_text()


def test_a_lost_evaluation_alone_is_made_again(done: pathlib.Path, tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(done, folder)
    run = runs_of(folder)["weighted inverse_temperature=1"]
    (run / "eval.jsonl").unlink()
    (run / "episodes.jsonl").unlink()
    left = cfgrl("sweep", "tiny", "--dry-run", cwd=folder).stdout.splitlines()
    assert [line.split()[:3] for line in left] == [["PJRT_NPROC=1", "cfgrl", "eval"]]
    assert cfgrl("sweep", "tiny", cwd=folder).returncode == 0
    old, new = (
        json.loads((runs_of(f)["weighted inverse_temperature=1"] / "episodes.jsonl").read_text())
        for f in (done, folder)
    )
    assert {k: v for k, v in old.items() if k != "time"} == {k: v for k, v in new.items() if k != "time"}


def test_somebody_elses_evaluation_is_not_the_sweeps(done: pathlib.Path, tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(done, folder)
    run = runs_of(folder)["guided"]
    for name in ("eval.jsonl", "episodes.jsonl"):
        (run / name).unlink()
    by_hand = cfgrl("eval", str(run), "--weights", "2", "--episodes", "4", cwd=folder)
    assert by_hand.returncode == 0, by_hand.stderr
    assert cfgrl("sweep", "tiny", "--dry-run", cwd=folder).stdout.count("cfgrl eval") == 1


def test_the_command_that_is_left_does_what_the_sweep_does(done: pathlib.Path, tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(done, folder)
    run = runs_of(folder)["weighted inverse_temperature=3"]
    leaves = json.loads((run / "checkpoints/40/digests.json").read_text())["leaves"]
    shutil.rmtree(run)
    line = cfgrl("sweep", "tiny", "--dry-run", cwd=folder).stdout.splitlines()[0]
    words = line.replace(" cfgrl ", f" {sys.executable} -m cfgrl.cli._main ", 1)
    by_hand = subprocess.run(words, shell=True, cwd=folder, capture_output=True, text=True, timeout=300)
    assert by_hand.returncode == 0, by_hand.stderr
    assert json.loads((run / "checkpoints/40/digests.json").read_text())["leaves"] == leaves


def test_numbers_that_fail_are_not_tried_again_and_other_failures_are(
    done: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(done, folder)
    found = cfgrl("sweep", "broken", cwd=folder)
    assert found.returncode == 1
    assert "became NaN or infinite" in found.stderr
    assert "guided" in found.stdout  # what the others say is still said
    assert "exploding" in found.stdout
    again = cfgrl("sweep", "broken", "--dry-run", cwd=folder)
    assert again.stdout == ""
    told = cfgrl("sweep", "broken", cwd=folder)
    assert told.returncode == 1
    assert "failed by its numbers, which repeat, and is not tried again" in told.stderr
    # A failure of another kind is tried again by the same command.
    run = next(path for path in (folder / "runs/sweeps/runs").iterdir() if (path / "error.json").exists())
    (run / "error.json").write_text(json.dumps({"exit_code": 6, "message": "the disk was full", "step": None}))
    assert cfgrl("sweep", "broken", "--dry-run", cwd=folder).stdout.count("cfgrl train bandit") == 1


def test_a_stop_saves_and_the_same_command_goes_on(tmp_path: pathlib.Path) -> None:
    (tmp_path / "registry.toml").write_text(REGISTRY.replace("set.train.steps = 40", "set.train.steps = 2_000_000"))
    command = [sys.executable, "-m", "cfgrl", "sweep", "tiny"]
    child = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    runs = tmp_path / "runs/sweeps/runs"
    deadline = time.monotonic() + 200
    while not any(runs.glob("*/metrics.jsonl")) and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    second = cfgrl("sweep", "tiny", cwd=tmp_path)
    assert second.returncode == 7
    assert f"is in use by process {child.pid}" in second.stderr
    child.send_signal(signal.SIGINT)
    _, told = child.communicate(timeout=120)
    assert child.returncode == 75, told
    assert "the same command resumes" in told
    run = next(iter(runs.glob("*/metrics.jsonl"))).parent
    assert any((run / "checkpoints").iterdir())
    assert not (run / "error.json").exists() or json.loads((run / "error.json").read_text())["exit_code"] == 75


REFUSED = {
    ("sweep", "tini"): "There is no sweep 'tini'; did you mean 'tiny'?",
    ("sweep", "tiny", "--cores", "0"): "--cores must be a number above 0",
    ("sweep", "tiny", "--memory", "nan"): "--memory must be a number above 0",
    ("sweep", "tiny", "--memory", "1", "--dir", "elsewhere"): "lower its `cores` or `memory`",
    ("sweep", "tiny", "--quik"): "did you mean --quick?",
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_cannot_be_done_is_said(done: pathlib.Path, words: tuple[str, ...]) -> None:
    found = cfgrl(*words, cwd=done)
    assert found.returncode == 2
    assert REFUSED[words] in found.stderr
    assert "Traceback" not in found.stderr
