"""ExORL on the command line: a buffer generated here, trained on with the rewards of a task, and judged by returns."""

import json
import pathlib

import pytest
from childruns import TINY, cfgrl


def test_a_small_run_on_a_generated_buffer(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CFGRL_CACHE", str(tmp_path))
    name = "jaco-random-reach-top-left"
    made = cfgrl("data", "generate", name, "--episodes", "2", "--json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["origin"] == "generated"
    run = tmp_path / "run"
    words = (
        "dataset.use=exorl",
        f"dataset.name={name}",
        *TINY,
        "labeler.network.hidden=[16]",
        "eval.weights=[1.0]",
        "dataset.validation=0.0",
    )
    done = cfgrl("train", "cfgrl-exorl", *words, "train.steps=200", "--run-dir", str(run))
    assert done.returncode == 0, done.stderr
    about = json.loads((run / "manifest.json").read_text())["dataset"]
    assert about["files"][0]["episodes"] == 2 and about["record"]["rewards"]["task"] == "reach-top-left"
    shown = cfgrl("eval", str(run), "--episodes", "1", "--json")
    assert shown.returncode == 0, shown.stderr
    record = json.loads(shown.stdout)
    assert record["measure"] == "return" and record["results"][0]["n_failed"] == 0
