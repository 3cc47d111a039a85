"""Run directories of earlier releases: read to the same bits for ever; those of later ones refused by a sentence."""

import hashlib
import json
import pathlib
import shutil

import jax
import numpy as np
import pytest
from childruns import lines

import cfgrl
from cfgrl.cli._main import main
from cfgrl.runs import _checkpoint
from cfgrl.runs._load import load_state
from cfgrl.runs._run import RunDirectory

RELEASES = sorted(path for path in (pathlib.Path(__file__).parents[1] / "golden").iterdir() if path.is_dir())
RUNS = [release / name for release in RELEASES for name in json.loads((release / "expected.json").read_text())]
GOAL = {"hierarchical": np.float32([3.0, -1.0]), "offline": None}


@pytest.fixture(params=RUNS, ids=lambda run: f"{run.parent.name} {run.name}")
def golden(request: pytest.FixtureRequest) -> pathlib.Path:
    return request.param


def expected(run: pathlib.Path) -> dict:
    return json.loads((run.parent / "expected.json").read_text())[run.name]


def copied(run: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
    return pathlib.Path(shutil.copytree(run, tmp_path / run.name))


def test_every_leaf_has_the_bits_that_were_written(golden: pathlib.Path):
    *_, step, state = load_state(RunDirectory(golden), strict=True)
    assert step == expected(golden)["step"]
    found = {name: hashlib.sha256(leaf.tobytes()).hexdigest() for name, leaf in _checkpoint.flatten(state).items()}
    assert found == expected(golden)["leaves"] and len(found) > 40


@pytest.mark.parametrize("seed", [0, 3])
def test_the_policy_acts_as_it_did(golden: pathlib.Path, seed: int):
    policy = cfgrl.load(golden, seed=seed)
    width = policy.spec["observations"][0][0]
    observation = np.linspace(-1, 1, 3 * width).reshape(3, width).astype(np.float32)
    action = policy.act(observation, goal=GOAL[golden.name], weight=2.0, key=jax.random.key(5))
    np.testing.assert_allclose(action, expected(golden)["actions"][str(seed)], atol=1e-5)


def test_it_is_reported(golden: pathlib.Path, tmp_path: pathlib.Path):
    run = copied(golden, tmp_path)
    assert main(["report", str(run)]) == 0
    assert f"{expected(golden)['step']}" in (run / "report.html").read_text()


def test_it_is_known_as_finished_by_the_command_that_made_it(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
):
    run = copied(RELEASES[0] / "offline", tmp_path)
    words = json.loads((run / "manifest.json").read_text())["command"][1:]
    words[words.index("offline")] = str(run)
    assert main(words) == 0 and "nothing to do" in capsys.readouterr().out


def test_it_goes_on_training(tmp_path: pathlib.Path):
    """As the run of a larger number of updates would: what a release wrote is a beginning, not only a memory."""
    run = copied(RELEASES[0] / "offline", tmp_path)
    words = json.loads((run / "manifest.json").read_text())["command"][1:]
    words[words.index("offline")] = str(run)
    config = (run / "config.toml").read_text()
    assert "steps = 60\n" in config
    (run / "config.toml").write_text(config.replace("steps = 60\n", "steps = 80\n", 1))
    assert main([*words, "train.steps=80"]) == 0
    assert _checkpoint.steps(run / "checkpoints") == [80]
    assert [record["step"] for record in lines(run / "metrics.jsonl")] == [20, 20, 40, 40, 60, 60, 80, 80]


@pytest.mark.parametrize(
    "command", [["report"], ["eval"], ["train", "bandit", "--run-dir"]], ids=lambda words: words[0]
)
def test_a_newer_run_is_refused_by_a_sentence(
    command: list[str], tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
):
    run = copied(RELEASES[0] / "offline", tmp_path)
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps(manifest | {"schema": 99, "shapes": "another form"}))
    words = manifest["command"][2:] if command[0] == "train" else []
    words = [word for word in words if word not in ("bandit", "--run-dir", "offline")]
    assert main([*command, str(run), *words]) == 6
    error = capsys.readouterr().err
    assert "written by a newer cfgrl (schema 99)" in error and error.count("\n") == 1


def test_a_newer_checkpoint_is_refused_by_a_sentence(tmp_path: pathlib.Path):
    run = copied(RELEASES[0] / "offline", tmp_path)
    digests = run / "checkpoints" / "60" / "digests.json"
    digests.write_text(json.dumps({"schema": 99, "another": "form"}))
    with pytest.raises(cfgrl.CheckpointError, match=r"written by a newer cfgrl \(schema 99\); update"):
        cfgrl.load(run)
