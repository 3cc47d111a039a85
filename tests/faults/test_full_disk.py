"""Disks that are full: what was saved stays, what can be is tried again, and then the failure is clear."""

import itertools
import json
import pathlib
import subprocess
import sys
from collections.abc import Iterator

import filling
import pytest
from childruns import begin, cfgrl, generate, remains, train_words, wait_until

STEPS, EVERY = 1600, 400
KEYS = (
    "train.log_every=40", f"checkpoint.every={EVERY}", "train.batch_size=128", "policy.network.hidden=[128,128]",
    "checkpoint.keep=1",
)  # fmt: skip


def saves(folder: pathlib.Path, how: str, sizes: list[int]) -> list[dict]:
    command = [sys.executable, filling.__file__, str(folder), how, *map(str, sizes)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def check(reports: list[dict], sizes: list[int]) -> None:
    assert [report["size"] for report in reports] == sizes
    for report in reports:
        assert report["same"] and report["step"] == (20 if report["saved"] else 10), report
        assert len(report["temporary"]) <= 1 and (report["saved"] or "Could not save step 20" in report["said"]), report
    outcomes = [report["saved"] for report in reports]
    assert any(outcomes) and not all(outcomes)


def test_twenty_limits_of_a_file_lose_nothing(tmp_path: pathlib.Path):
    sizes = [0, 1, 7, 64, 100, 128, 200, 256, 300, 512, 800, 1024, 2048, 3000, 4096, 5000, 6000, 8192, 16_384, 65_536]
    check(saves(tmp_path, "limit", sizes), sizes)


@pytest.fixture
def small_disk(tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A file system of 8 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)], capture_output=True)
    if made.returncode != 0:
        pytest.skip("this user may not mount a small file system")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_twenty_fillings_of_a_small_disk_lose_nothing(small_disk: pathlib.Path):
    sizes = [n * 24 * 1024 for n in range(20)]
    check(saves(small_disk, "ballast", sizes), sizes)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return generate(tmp_path_factory.mktemp("data"))


def test_a_run_outlives_a_disk_that_is_full_for_a_while_and_fails_clearly_where_it_stays_so(
    data: pathlib.Path, small_disk: pathlib.Path, tmp_path: pathlib.Path
):
    undisturbed, ballast = tmp_path / "undisturbed", small_disk / "ballast"
    assert cfgrl(*train_words(data, undisturbed, STEPS, *KEYS)).returncode == 0

    def begun(run: pathlib.Path) -> "subprocess.Popen[str]":
        """A run that has one checkpoint when its disk becomes full."""
        child = begin(*train_words(data, run, STEPS, *KEYS))
        assert wait_until((run / "checkpoints" / str(EVERY)).exists, child)
        filling.fill(ballast, 0)
        return child

    child = begun(small_disk / "while")
    with child.stderr as said:
        warnings = list(itertools.takewhile(lambda line: "Training goes on" not in line, said))
        ballast.unlink()
        rest = said.read()
    assert child.wait() == 0, "".join(warnings) + rest
    assert any("metrics.jsonl cannot be written (No space left on device)" in line for line in warnings)
    assert remains(small_disk / "while") == remains(undisturbed)

    run = small_disk / "for ever"
    _, said = begun(run).communicate(timeout=120)
    assert "Traceback" not in said and said.count("cannot be written") >= 2, said
    assert [path.name for path in (run / "checkpoints").iterdir()] == [str(EVERY)]
    ballast.unlink()
    done = cfgrl(*train_words(data, run, STEPS, *KEYS))
    assert done.returncode == 0, done.stderr
    assert remains(run) == remains(undisturbed)
