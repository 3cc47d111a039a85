"""Kill real training runs at random moments, many times over, and compare what remains with an undisturbed run."""

import pathlib
import random
import signal
import subprocess
import sys
import time

import pytest
from childruns import generate, remains

STEPS = 3000
KEYS = (
    f"train.steps={STEPS}", "train.log_every=100", "checkpoint.every=100", "checkpoint.keep=2", "train.batch_size=64",
    "policy.network.hidden=[32,32]", "seeds=[0,1]",
)  # fmt: skip


def train(data: pathlib.Path, run: pathlib.Path) -> list[str]:
    words = ["train", "cfgrl-goal", f"dataset.dir={data}", *KEYS, "--run-dir", str(run)]
    return [sys.executable, "-m", "cfgrl.cli._main", *words]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return generate(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def undisturbed(data: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    run = tmp_path_factory.mktemp("run") / "undisturbed"
    subprocess.run(train(data, run), check=True, capture_output=True)
    return remains(run)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(4))
def test_killed_runs_end_in_the_same_bits(
    seed: int, data: pathlib.Path, undisturbed: dict[str, object], tmp_path: pathlib.Path
) -> None:
    chance, run, kills = random.Random(seed), tmp_path / "run", 0
    deadline = time.monotonic() + 1800
    while time.monotonic() < deadline:
        child = subprocess.Popen(train(data, run), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            code = child.wait(timeout=chance.uniform(2.0, 9.0) if kills < 25 else 600)
        except subprocess.TimeoutExpired:
            child.send_signal(chance.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM]))
            code = child.wait(timeout=120)
            kills += 1
        if code == 0:
            break
        assert code in (-signal.SIGKILL, -signal.SIGTERM, 75)
    assert kills >= 1
    assert remains(run) == undisturbed
