"""`cfgrl train`, `eval` and `load` as users type them: results, and every wrong input with its exit code."""

import json
import pathlib
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
from childruns import NAME, cfgrl, remains, train_words

SEEDS = "seeds=[3,5]"


@pytest.fixture(scope="module")
def run(data: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    done = cfgrl(*train_words(data, folder, 120, SEEDS, "view.normalize=true"), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"run": str(folder), "step": 120, "trained": True}
    return folder


def test_a_run_directory_holds_what_the_contract_says(run: pathlib.Path):
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["schema"] == 1 and manifest["preset"] == "cfgrl-goal"
    assert manifest["dataset"]["name"] == NAME and len(manifest["dataset"]["files"][0]["sha256"]) == 64
    assert {"jax", "equinox", "cfgrl", "python"} <= manifest["versions"].keys()
    assert manifest["shapes"]["columns"]["actions"] == [[2], "float32"]
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [(r["step"], r["seed"]) for r in records] == [(s, a) for s in (50, 100, 120) for a in (3, 5)]
    assert all(0 < r["main/guidance/loss"] < 10 and 0 < r["main/validation/loss"] < 10 for r in records)
    assert "[plugins]" in (run / "config.toml").read_text()


def test_eval_prints_the_contracts_record_and_appends_it(run: pathlib.Path):
    done = cfgrl("eval", str(run), "--weights", "0,2", "--tasks", "1,task3", "--episodes", "2", "--json")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record["run"] == "tiny" and record["preset"] == "cfgrl-goal" and record["dataset"] == NAME
    assert record["seeds"] == [3, 5] and record["step"] == 120
    assert [result["weight"] for result in record["results"]] == [0.0, 2.0]
    for result in record["results"]:
        assert result["tasks"].keys() == {"task1", "task3"} and result["by_seed"].keys() == {"3", "5"}
        assert result["episodes"] == 8 and result["n_failed"] == 0
        low, high = result["success_ci"]
        assert 0 <= low <= result["success"] <= high <= 1
    assert {"weight", "rule", "success", "success_ci"} <= record["chosen"].keys()
    assert json.loads((run / "eval.jsonl").read_text().splitlines()[-1]) == record
    assert json.loads((run / "rollouts.json").read_text())["walls"]


def test_evaluating_again_gives_the_same_episodes(run: pathlib.Path):
    words = ("eval", str(run), "--weights", "1", "--tasks", "2", "--episodes", "2", "--json")
    first, second = (json.loads(cfgrl(*words).stdout) for _ in range(2))
    assert first["results"] == second["results"]


def test_load_needs_the_run_directory_alone(run: pathlib.Path, data: pathlib.Path, tmp_path: pathlib.Path):
    code = f"""
import sys, jax, numpy as np, cfgrl
policy = cfgrl.load({str(run)!r}, seed=5)
action = policy.act(np.zeros(2), goal=np.ones(2), weight=2.0, key=jax.random.key(0))
assert action.shape == (2,) and abs(action).max() <= 1
assert policy.act(np.zeros((3, 2)), goal=np.ones((3, 2)), weight=[0.0, 1.0, 2.0], key=jax.random.key(0)).shape == (3, 2)
other = cfgrl.load({str(run)!r}, seed=3)
assert (other.act(np.zeros(2), goal=np.ones(2), key=jax.random.key(0)) != action).any()
assert not {{"ogbench", "mujoco", "gymnasium"}} & set(sys.modules), "loading a policy imported an environment"
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 0, done.stderr


WRONG = [
    (["train", "cfgrl-gaol"], 2, "cfgrl-goal"),
    (["train", "cfgrl-goal", "guidance.wieght=2"], 2, "did you mean 'weight'"),
    (["train", "cfgrl-goal", "guidance.use=cgf"], 2, "cfg"),
    (["train", "cfgrl-goal", "guidance.weight=high"], 2, "guidance.weight"),
    (["train", "cfgrl-goal", "dataset.name=pointmaze-medum-navigate-v0"], 2, "pointmaze-medium-navigate-v0"),
    (["train", "cfgrl-goal", "labeler.use=behaviour"], 2, "goal"),
    (["train", "cfgrl-goal", "--registry", "nowhere.toml"], 2, "nowhere.toml"),
    (["train", "cfgrl-goal", "--sedes", "1"], 2, "--seeds"),
    (["train", "cfgrl-goal", "--seeds", "one"], 2, "--seeds"),
    (["eval", "nowhere"], 2, "nowhere"),
    (["eval", "nowhere", "--timeout", "0"], 2, "--timeout must be a number of seconds above 0"),
    (["evaluate", "nowhere"], 2, "eval"),
]


@pytest.mark.parametrize(("words", "code", "mentions"), WRONG, ids=[" ".join(words) for words, _, _ in WRONG])
def test_wrong_input_is_answered_with_one_message(words, code: int, mentions: str, tmp_path: pathlib.Path):
    if words[0] == "train":
        words = [*words, f"dataset.dir={tmp_path / 'data'}"]
    done = cfgrl(*words, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert mentions in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "runs").exists(), "nothing is written for a command that cannot work"


def spoil(data: pathlib.Path, folder: pathlib.Path, change) -> pathlib.Path:
    """A copy of the data set with its training file changed."""
    folder.mkdir()
    for path in data.glob("*.npz"):
        arrays = dict(np.load(path))
        if not path.stem.endswith("-val"):
            change(arrays)
        np.savez(folder / path.name, **arrays)
    return folder


def set_nan(arrays):
    arrays["observations"][17, 1] = np.nan


def cut(arrays):
    arrays["actions"] = arrays["actions"][:-3]


def scale(arrays):
    arrays["actions"] = arrays["actions"] * 3


@pytest.mark.parametrize(
    ("change", "mentions"), [(set_nan, ["observations", "17"]), (cut, ["actions"]), (scale, ["actions", "[-1, 1]"])]
)
def test_broken_data_is_refused_before_anything_is_written(data, tmp_path: pathlib.Path, change, mentions):
    folder = spoil(data, tmp_path / "data", change)
    done = cfgrl(*train_words(folder, tmp_path / "run", 50))
    assert done.returncode == 3 and "Traceback" not in done.stderr
    assert all(word in done.stderr for word in mentions) and str(folder) in done.stderr
    assert not (tmp_path / "run" / "config.toml").exists()


def test_a_missing_file_says_how_to_get_it(tmp_path: pathlib.Path):
    done = cfgrl(*train_words(tmp_path / "empty", tmp_path / "run", 50))
    assert done.returncode == 3
    assert f"cfgrl data generate {NAME}" in done.stderr and f"cfgrl data get {NAME}" in done.stderr


def test_a_folder_that_is_no_run_is_left_alone(data: pathlib.Path, tmp_path: pathlib.Path):
    (tmp_path / "thesis.tex").write_text("years of work")
    done = cfgrl(*train_words(data, tmp_path, 50))
    assert done.returncode == 2 and "thesis.tex" in done.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["thesis.tex"]


def test_a_second_run_in_a_directory_is_refused_naming_the_holder(data: pathlib.Path, tmp_path: pathlib.Path):
    words = train_words(data, tmp_path / "run", 1_000_000)
    first = subprocess.Popen([sys.executable, "-m", "cfgrl", *words], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not (tmp_path / "run" / "metrics.jsonl").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        second = cfgrl(*words)
        assert second.returncode == 7 and str(first.pid) in second.stderr
    finally:
        first.kill()
        first.wait()


def test_a_key_younger_than_the_run_has_its_default_there(
    run: pathlib.Path, data: pathlib.Path, tmp_path: pathlib.Path
):
    older = tmp_path / "older"
    shutil.copytree(run, older)
    config = older / "config.toml"
    text = config.read_text()
    assert 'precision = "float32"\n' in text
    config.write_text(text.replace('precision = "float32"\n', ""))
    words = train_words(data, older, 120, SEEDS, "view.normalize=true")
    done = cfgrl(*words)
    assert done.returncode == 0 and "nothing to do" in done.stdout, done.stderr
    refused = cfgrl(*words, "train.precision=bfloat16")
    assert refused.returncode == 2 and "train.precision: was float32, is bfloat16" in refused.stderr


def test_debug_shows_the_traceback(tmp_path: pathlib.Path):
    assert "Traceback" in cfgrl("eval", "nowhere", "--debug", cwd=tmp_path).stderr


def test_streamed_data_leave_the_same_run(data: pathlib.Path, tmp_path: pathlib.Path):
    """And a run may go on with the data elsewhere: the key decides no bit."""
    resident, streamed = tmp_path / "resident", tmp_path / "streamed"
    on_device = cfgrl(*train_words(data, resident, 100))
    assert "training data on the device" in on_device.stderr and "validation data on" in on_device.stderr
    on_host = cfgrl(*train_words(data, streamed, 100, "train.data_memory=1e-6"))
    assert "training data streamed from the host" in on_host.stderr, on_host.stderr
    assert remains(streamed) == remains(resident)
    again = cfgrl(*train_words(data, streamed, 100, "train.residency=device"))
    assert again.returncode == 0 and "is finished" in again.stdout, again.stderr


def test_films_of_an_evaluation(run: pathlib.Path):
    told = cfgrl(
        "eval",
        "--video",
        str(run),
        "--weights",
        "1,3",
        "--tasks",
        "2",
        "--episodes",
        "1",
        "--video-format",
        "gif",
        "--json",
    )
    assert told.returncode == 0, told.stderr
    assert len(json.loads(told.stdout)["results"]) == 2
    assert {film.name for film in (run / "videos").iterdir()} == {"task2-w1.gif", "task2-w3.gif"}
