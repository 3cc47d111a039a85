"""D4RL's files and users' own on the command line: checked, trained on, judged."""

import json
import pathlib

import numpy as np
import pytest
from childruns import TINY, cfgrl

from cfgrl.cli._main import main

h5py = pytest.importorskip("h5py")
USUAL = {"obs": "observations", "act": "actions", "rew": "rewards", "done": "terminals", "cut": "timeouts"}
WORDS = ("train.steps=200", *TINY, "train.log_every=100", "checkpoint.every=200")


def written() -> dict[str, np.ndarray]:
    """A thousand transitions of a hopper that learnt nothing: ten episodes, of which half ended for good."""
    rng = np.random.default_rng(0)
    index = np.arange(1000)
    return {
        "obs": rng.normal(size=(1000, 11)).astype(np.float32),
        "act": rng.uniform(-1, 1, (1000, 3)).astype(np.float32),
        "rew": rng.normal(size=1000).astype(np.float32),
        "done": index % 200 == 99,
        "cut": index % 200 == 199,
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("files")
    arrays = written()
    np.savez(folder / "own.npz", **arrays)
    for file, names in (("own.h5", {name: f"log/{name}" for name in arrays}), ("hopper-medium-v2.hdf5", USUAL)):
        with h5py.File(folder / file, "w") as opened:
            for name, array in arrays.items():
                opened[names[name]] = array
            opened["metadata/algorithm"] = "SAC"
    return folder


SOURCES = {
    "d4rl": ("dataset.name=hopper-medium-v2", "dataset.dir=.", "dataset.validation=0.2"),
    "npz": ("dataset.file=own.npz", *(f"dataset.{what}={name}" for name, what in USUAL.items())),
    "hdf5": ("dataset.file=own.h5", *(f"dataset.{what}=log/{name}" for name, what in USUAL.items())),
}


@pytest.mark.parametrize("use", SOURCES)
def test_training_on_a_file(use: str, folder: pathlib.Path, tmp_path: pathlib.Path) -> None:
    run = tmp_path / "run"
    done = cfgrl("train", "flow-bc", f"dataset.use={use}", *SOURCES[use], *WORDS, "--run-dir", str(run), cwd=folder)
    assert done.returncode == 0, done.stderr
    manifest = json.loads((run / "manifest.json").read_text())
    assert len(manifest["dataset"]["files"]) == 1 and len(manifest["dataset"]["files"][0]["sha256"]) == 64
    assert manifest["shapes"]["columns"]["actions"] == [[3], "float32"]
    last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    assert last["step"] == 200 and 0 < last["main/guidance/loss"] < 10
    assert ("main/validation/loss" in last) == (use == "d4rl")
    judged = cfgrl("eval", str(run), "--episodes", "2", "--json", cwd=folder)
    if use != "d4rl":
        assert judged.returncode == 3 and "no environment" in judged.stderr, judged.stderr
        return
    assert judged.returncode == 0, judged.stderr
    record = json.loads(judged.stdout)
    assert record["measure"] == "return" and record["tasks_played"] == ["return"]
    [result] = record["results"]
    assert result["episodes"] == 2 and result["n_failed"] == 0 and result["success"] is None
    assert 0 < result["return"] < 1000


def test_check_says_what_a_person_wants_to_know(folder: pathlib.Path) -> None:
    shown = cfgrl("data", "check", "hopper-medium-v2.hdf5", cwd=folder)
    assert shown.returncode == 0, shown.stderr
    for part in (
        "1,000 transitions, 5 of them dropped since nothing says what they led to",
        "1,005 rows, 10 episodes of 100 to 101 (median 100) rows",  # ends for good gain a row, cuts lose a transition
        "return of an episode: ",
        "transitions that end their task for good: 0.503%",
        "action numbers at -1 or 1: 0.00%",
        "nothing wrong",
    ):
        assert part in shown.stdout, shown.stdout
    assert "SAC" not in shown.stdout
    named = cfgrl("data", "check", "hopper-medium-v2", "--dir", ".", "--json", cwd=folder)
    answer = json.loads(named.stdout)
    arrays = written()
    [data] = answer["data"]
    kept = np.setdiff1d(np.arange(1000), np.flatnonzero(arrays["cut"]))
    returns = [arrays["rew"][kept[kept // 100 == i]].sum() for i in range(10)]
    assert answer["ok"] and data["transitions"] == 995 and data["episodes"] == 10
    assert data["returns"]["mean"] == pytest.approx(np.mean(returns), rel=1e-5)
    assert data["returns"]["max"] == pytest.approx(np.max(returns), rel=1e-5)
    assert answer["provenance"]["record"]["reference_returns"]["expert"] == 3234.3


def test_check_of_a_users_own_names(folder: pathlib.Path) -> None:
    unnamed = cfgrl("data", "check", "own.npz", cwd=folder)
    assert unnamed.returncode == 3 and "found: obs, act, rew, done, cut" in unnamed.stderr
    assert "observations=NAME" in unnamed.stderr
    words = [f"{what}={name}" for name, what in USUAL.items()]
    named = cfgrl("data", "check", "own.npz", "--json", *words, cwd=folder)
    assert named.returncode == 0, named.stderr
    [file] = json.loads(named.stdout)["files"]
    assert file["layout"] == "transitions" and file["transitions"] == 995 and file["entries"] == 1000
    in_hdf5 = [f"dataset.{what}=log/{name}" for name, what in USUAL.items()]
    assert cfgrl("data", "check", "own.h5", *in_hdf5, cwd=folder).returncode == 0
    as_rows = cfgrl("data", "check", "own.npz", *words[:4], "layout=rows", cwd=folder)
    assert as_rows.returncode == 3 and "the last row (999) does not end an episode" in as_rows.stdout


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("own.npz", "observations=ob", "actions=act"), 3, "no array 'ob' for observations; did you mean 'obs'"),
        (("own.npz", "observation=obs"), 2, "did you mean 'observations'"),
        (("own.npz", "layout=columns"), 2, "layout must be rows or transitions"),
        (("hopper-medium-v2", "observations=obs"), 2, "is no file but a name"),
        (("hopper-medum-v2",), 2, "did you mean 'hopper-medium-v2'"),
        (("absent.hdf5",), 3, "absent.hdf5 does not exist"),
        (("nowhere/absent",), 3, "nowhere/absent does not exist"),
    ],
)
def test_a_mistake_is_one_sentence(words: tuple[str, ...], code: int, says: str, folder: pathlib.Path) -> None:
    done = cfgrl("data", "check", *words, cwd=folder)
    assert done.returncode == code and says in done.stderr, done.stderr
    assert len(done.stderr.splitlines()) == 1 and not done.stdout


def test_a_report_of_data_without_an_environment_says_so(tmp_path: pathlib.Path) -> None:
    rows = 60
    ends = np.zeros(rows, bool)
    ends[19::20] = True
    rng = np.random.default_rng(0)
    observations, actions = rng.normal(size=(rows, 3)).astype("f4"), rng.uniform(-1, 1, (rows, 2)).astype("f4")
    np.savez(tmp_path / "a.npz", observations=observations, actions=actions, terminals=np.zeros(rows), timeouts=ends)
    words = ["train", "flow-bc", "dataset.use=npz", f"dataset.file={tmp_path / 'a.npz'}", "train.steps=2"]
    words += ["train.batch_size=4", "train.eval_every=1", "policy.network.hidden=[8]"]
    words += ["--run-dir", str(tmp_path / "run")]
    assert main(words) == 0
    assert main(["report", str(tmp_path / "run")]) == 0
    page = (tmp_path / "run" / "report.html").read_text()
    assert "has no environment to be judged in" in page and "not been evaluated yet" not in page
    assert main(["eval", str(tmp_path / "run")]) == 3
