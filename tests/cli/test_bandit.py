"""The bandit on the command line: data without files, and a task that knows a return and no success."""

import json
import pathlib
import shutil

import pytest
from childruns import TINY, cfgrl

BANDIT = ("dataset.use=bandit", "dataset.size=400", "train.steps=100", "train.eval_every=50", *TINY)
OFFLINE = (*BANDIT, "labeler.network.hidden=[16]", "eval.weights=[0.0,1.0,2.0]", "seeds=[0,4]")


@pytest.fixture(scope="module")
def cloned(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return _trained(tmp_path_factory.mktemp("runs") / "cloned", "flow-bc", BANDIT)


@pytest.fixture(scope="module")
def guided(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return _trained(tmp_path_factory.mktemp("runs") / "guided", "cfgrl-offline", OFFLINE)


def _trained(run: pathlib.Path, preset: str, words: tuple[str, ...]) -> pathlib.Path:
    done = cfgrl("train", preset, *words, "--run-dir", str(run), "--json", cwd=run.parent)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["trained"]
    return run


def test_the_manifest_says_what_was_made(cloned: pathlib.Path):
    manifest = json.loads((cloned / "manifest.json").read_text())
    assert manifest["dataset"]["name"] == "bandit" and manifest["dataset"]["files"] == []
    assert manifest["dataset"]["record"]["size"] == 400
    assert manifest["shapes"]["columns"]["rewards"] == [[], "float32"]


def test_the_same_command_knows_the_run_and_another_bandit_is_refused(cloned: pathlib.Path, tmp_path: pathlib.Path):
    run = shutil.copytree(cloned, tmp_path / "run")
    words = ("train", "flow-bc", *BANDIT, "--run-dir", str(run))
    again = cfgrl(*words)
    assert again.returncode == 0 and "nothing to do" in again.stdout
    other = cfgrl(*words, "dataset.seed=1")
    assert other.returncode == 2 and "dataset.seed" in other.stderr
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["dataset"]["record"]["sha256"] = "0" * 64  # as if another NumPy had drawn other numbers
    (run / "manifest.json").write_text(json.dumps(manifest))
    changed = cfgrl(*words)
    assert changed.returncode == 3 and "SHA-256 differs" in changed.stderr and "dataset.dir" not in changed.stderr


def test_eval_reports_returns_and_no_success(cloned: pathlib.Path):
    shown = cfgrl("eval", str(cloned), "--episodes", "3")
    assert shown.returncode == 0, shown.stderr
    assert "Its mean return is" in shown.stdout and "success" not in shown.stdout
    record = json.loads((cloned / "eval.jsonl").read_text().splitlines()[-1])
    assert record["measure"] == "return" and record["dataset"] == "bandit" and record["tasks_played"] == ["reward"]
    [result] = record["results"]
    assert result["weight"] is None and result["success"] is None and result["success_ci"] is None
    assert result["tasks"].keys() == {"reward"} and result["episodes"] == 3 and result["n_failed"] == 0
    assert result["return_ci"][0] <= result["return"] <= result["return_ci"][1] < 7


def test_a_dial_is_swept_chosen_and_reported_by_return(guided: pathlib.Path, tmp_path: pathlib.Path):
    done = cfgrl("eval", str(guided), "--episodes", "4", "--json")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert [result["weight"] for result in record["results"]] == [0.0, 1.0, 2.0]
    assert record["measure"] == "return" and "mean return" in record["chosen"]["rule"]
    assert record["chosen"]["success"] is None and isinstance(record["chosen"]["return"], float)
    assert [pair["against"] for pair in record["comparisons"]] == [0.0, 1.0]
    trained = [json.loads(line) for line in (guided / "eval.jsonl").read_text().splitlines()]
    assert [line["step"] for line in trained] == [50, 100, 100]
    drawn = cfgrl("plot", str(guided), "--out", str(tmp_path / "figures"))
    assert drawn.returncode == 0, drawn.stderr
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    assert {"return-against-w.png", "return-differences.png", "return-by-task.png", "progress.png"} == names - {
        "learning-curves.png"
    }


def test_the_page_of_both_speaks_of_returns(cloned: pathlib.Path, guided: pathlib.Path, tmp_path: pathlib.Path):
    done = cfgrl("report", str(cloned), str(guided), "--out", str(tmp_path / "both.html"))
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "both.html").read_text()
    assert "Return against w" in page and "Success against w" not in page and "Mean return" in page


def test_data_commands_know_that_there_is_no_file(tmp_path: pathlib.Path):
    listed = cfgrl("data", "list", "--json", cwd=tmp_path)
    row = json.loads(listed.stdout)["datasets"]["bandit"]
    assert row["in_memory"] and row["path"] is None and not row["can_generate"]
    checked = cfgrl("data", "check", "bandit")
    assert checked.returncode == 0, checked.stderr
    for part in ("generated with seed 0 by numpy", "20,000 rows, 10,000 episodes", "2,000 rows, 1,000 episodes"):
        assert part in checked.stdout
    for verb in ("generate", "get"):
        refused = cfgrl("data", verb, "bandit")
        assert refused.returncode == 3 and "made in memory whenever they are used" in refused.stderr
