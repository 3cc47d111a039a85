import pathlib
import sys
import time

import pytest

from cfgrl._errors import ConfigError
from cfgrl.runs._tracker import Trackers, make_trackers

NAME = "main/guidance/loss"


def scalars(folder: pathlib.Path) -> list[tuple[int, str, float]]:
    """Read event files as TensorBoard does: records of length, checksum, body, checksum."""
    from tensorboardX.proto import event_pb2

    found = []
    for path in sorted(folder.glob("events.out.tfevents.*")):
        content, at = path.read_bytes(), 0
        while at < len(content):
            size = int.from_bytes(content[at : at + 8], "little")
            event = event_pb2.Event.FromString(content[at + 12 : at + 12 + size])
            found += [(event.step, value.tag, value.simple_value) for value in event.summary.value]
            at += 16 + size
    return found


def test_tensorboard_writes_a_curve_for_each_seed(tmp_path: pathlib.Path) -> None:
    (tracker,) = make_trackers(["tensorboard"], tmp_path, {})
    for step in (10, 20):
        tracker.log(step, 0, {NAME: 1.0 / step})
        tracker.log(step, 3, {NAME: 2.0 / step})
    tracker.close()
    assert scalars(tmp_path / "tensorboard" / "seed0") == [
        (10, NAME, pytest.approx(0.1)),
        (20, NAME, pytest.approx(0.05)),
    ]
    assert scalars(tmp_path / "tensorboard" / "seed3") == [
        (10, NAME, pytest.approx(0.2)),
        (20, NAME, pytest.approx(0.1)),
    ]


def test_wandb_writes_below_the_run_directory_and_sends_nothing(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WANDB_MODE", "WANDB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")  # Nobody answers there.
    (tracker,) = make_trackers(["wandb"], tmp_path, {"preset": "cfgrl-goal"})
    tracker.log(10, 0, {NAME: 0.5})
    tracker.log(10, 1, {NAME: 0.25})
    tracker.close()
    (record,) = (tmp_path / "wandb").glob("offline-run-*/run-*.wandb")
    # W&B's own process writes the file and may be a moment late on a busy machine; it was never seen to lose anything.
    deadline = time.monotonic() + 10
    while f"seed1/{NAME}".encode() not in record.read_bytes() and time.monotonic() < deadline:
        time.sleep(0.05)
    content = record.read_bytes()
    assert f"seed0/{NAME}".encode() in content
    assert f"seed1/{NAME}".encode() in content
    assert b"cfgrl-goal" in content


def test_a_name_given_twice_makes_one_tracker(tmp_path: pathlib.Path) -> None:
    trackers = make_trackers(["tensorboard", "tensorboard"], tmp_path, {})
    assert len(trackers) == 1


def test_no_names_make_no_trackers_and_no_files(tmp_path: pathlib.Path) -> None:
    assert make_trackers([], tmp_path, {}) == ()
    assert not list(tmp_path.iterdir())


def test_an_unknown_name_is_refused_with_the_closest(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ConfigError, match=r"no tracker 'tensorbord'; did you mean 'tensorboard'\?"):
        make_trackers(["tensorbord"], tmp_path, {})


@pytest.mark.parametrize(("name", "module"), [("tensorboard", "tensorboardX"), ("wandb", "wandb")])
def test_a_missing_package_names_the_extra(
    name: str, module: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigError, match=rf"pip install 'cfgrl\[{name}\]'"):
        make_trackers([name], tmp_path, {})


class Broken:
    """A tracker whose disk is full from the second log point on."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def log(self, step: int, seed: int, metrics: dict[str, float]) -> None:
        self.asked.append("log")
        if step > 10:
            raise OSError("No space left on device")

    def close(self) -> None:
        self.asked.append("close")
        raise RuntimeError("the service is gone")


def test_a_tracker_that_fails_is_told_and_left_out(tmp_path: pathlib.Path) -> None:
    (sound,), early, late = make_trackers(["tensorboard"], tmp_path, {}), Broken(), Broken()
    said: list[str] = []
    trackers = Trackers([early, sound], said.append)
    for step in (10, 20, 30):
        trackers.log(step, 0, {NAME: 1.0})
    Trackers([late], said.append).close()
    trackers.close()
    assert early.asked == ["log", "log"] and late.asked == ["close"]
    assert said == [
        "warning: Broken failed (No space left on device) and is left out; metrics.jsonl is complete.",
        "warning: Broken failed (the service is gone) and is left out; metrics.jsonl is complete.",
    ]
    assert [step for step, _, _ in scalars(tmp_path / "tensorboard" / "seed0")] == [10, 20, 30]
