"""ExORL on the command line: a buffer generated here, trained on with the rewards of a task, and judged by returns."""

import json
import os
import pathlib

from childruns import TINY, cfgrl


def test_a_small_run_on_a_generated_buffer(tmp_path: pathlib.Path) -> None:
    quick = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "true"}  # compiling is most of the time here
    name, environment = "jaco-random-reach-top-left", {**os.environ, **quick, "CFGRL_CACHE": str(tmp_path)}
    made = cfgrl("data", "generate", name, "--episodes", "2", "--json", env=environment)
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
    done = cfgrl("train", "cfgrl-exorl", *words, "train.steps=200", "--run-dir", str(run), env=environment)
    assert done.returncode == 0, done.stderr
    about = json.loads((run / "manifest.json").read_text())["dataset"]
    assert about["files"][0]["episodes"] == 2 and about["record"]["rewards"]["task"] == "reach-top-left"
    shown = cfgrl("eval", str(run), "--episodes", "1", "--json", env=environment)
    assert shown.returncode == 0, shown.stderr
    record = json.loads(shown.stdout)
    assert record["measure"] == "return" and record["results"][0]["n_failed"] == 0
