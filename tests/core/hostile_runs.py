"""One small run with everything in it, and copies of it in which something was exchanged."""

import json
import os
import pathlib
import shutil
import sys
from collections.abc import Callable, Collection
from typing import Any

from fuzzing import guarded
from run_fixture import TASKS, make_evaluation, make_rollouts

import cfgrl
from cfgrl.cli._main import main
from cfgrl.files._printable import printable
from cfgrl.runs._digests import seal

KEYS = (
    "dataset.use=bandit", "dataset.size=40", "train.steps=2", "train.log_every=1", "checkpoint.every=1",
    "train.batch_size=4", "policy.network.hidden=[4]", "policy.steps=1",
)  # fmt: skip


def train_words(run: pathlib.Path, *more: str) -> list[str]:
    return ["train", "flow-bc", *KEYS, *more, "--run-dir", str(run)]


def make_run(folder: pathlib.Path) -> pathlib.Path:
    """A trained run with records of evaluations, rollouts and a failure."""
    run = folder / "run"
    assert main(train_words(run)) == 0
    records = [make_evaluation(episodes=2, tasks=TASKS[:2]), make_evaluation(weights=(None,), episodes=2, step=2000)]
    (run / "eval.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    (run / "rollouts.json").write_text(json.dumps(make_rollouts(tasks=TASKS[:1], weights=(0.0, 2.0))))
    (run / "error.json").write_text(json.dumps({"exit_code": 5, "message": "a loss is NaN", "step": 1}))
    return run


def copied(run: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """The run again, to be spoilt, at a place that is always the same."""
    target = folder / "copy"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(run, target)
    return target


def loaded(run: pathlib.Path, *, codes: Collection[int] = (0, 2, 3, 4, 6, 7), **options: Any) -> None:
    """`cfgrl.load` as a command."""
    guarded(lambda: answered(lambda: cfgrl.load(run, **options)), codes=codes, allowed=[run], seconds=20)


def answered(call: Callable[[], Any]) -> int:
    try:
        call()
    except cfgrl.CfgrlError as error:
        print(f"cfgrl: error: {printable(str(error))}", file=sys.stderr)
        return error.exit_code
    return 0


def resealed(step: pathlib.Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change what is recorded of a checkpoint, and seal it again, as an attacker can."""
    record = json.loads((step / "digests.json").read_text())
    record.pop("seal")
    record = change(record) or record
    text = {**record, "seal": seal(record)} if isinstance(record, dict) else record
    (step / "digests.json").write_text(json.dumps(text, indent=1))


def believed(step: pathlib.Path) -> None:
    """Record the digests of the files as they are now, as an attacker can."""
    from cfgrl.runs._digests import _files

    resealed(step, lambda record: record | {"files": dict(_files(step))})


def replaced(path: pathlib.Path, kind: str, secret: pathlib.Path) -> None:
    """Put something else in the place of a file or folder."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    if kind == "link":
        path.symlink_to(secret)
    elif kind == "dangling":
        path.symlink_to(secret.with_name("nowhere"))
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.touch()
    elif kind == "up":
        path.symlink_to(secret.parent, target_is_directory=True)
