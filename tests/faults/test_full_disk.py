"""Disks that are full: what was saved stays, what can be is tried again, and then the failure is clear."""

import itertools
import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator

import filling
import pytest
from childruns import begin, in_child, remains, train_words, wait_until

from cfgrl import CheckpointError
from cfgrl.records import _journal

STEPS, EVERY = 1200, 400
KEYS = (
    "train.log_every=40", f"checkpoint.every={EVERY}", "train.batch_size=128", "policy.network.hidden=[96,96]",
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
def undisturbed(data: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    run = tmp_path_factory.mktemp("run") / "undisturbed"
    assert in_child(*train_words(data, run, STEPS, *KEYS)).returncode == 0
    return run


def test_a_run_outlives_a_disk_that_is_full_for_a_while(
    data: pathlib.Path, undisturbed: pathlib.Path, small_disk: pathlib.Path
):
    run, ballast = small_disk / "run", small_disk / "ballast"
    child = begin(*train_words(data, run, STEPS, *KEYS))
    assert wait_until((run / "checkpoints" / str(EVERY)).exists, child)
    filling.fill(ballast, 0)
    with child.stderr as said:
        warnings = list(itertools.takewhile(lambda line: "Training goes on" not in line, said))
        ballast.unlink()
        rest = said.read()
    assert child.wait() == 0, "".join(warnings) + rest
    assert any("metrics.jsonl cannot be written (No space left on device)" in line for line in warnings)
    assert remains(run) == remains(undisturbed)


#: The command line in a process whose files may not grow beyond 20 kB: enough for metrics, too little for weights.
LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
from cfgrl.cli._main import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_run_that_can_never_save_says_so_and_its_command_goes_on_later(
    data: pathlib.Path, undisturbed: pathlib.Path, tmp_path: pathlib.Path
):
    run = tmp_path / "run"
    command = train_words(data, run, STEPS, *KEYS)
    # The cache of programs would have files that are larger.
    environment = {**os.environ, "JAX_ENABLE_COMPILATION_CACHE": "0"}
    limited = subprocess.run(
        [sys.executable, "-c", LIMITED, *command], env=environment, capture_output=True, text=True, timeout=120
    )
    # Threads of TensorStore print what they cannot write, before and after ours.
    assert limited.returncode == 6 and limited.stderr.count("cfgrl: error: Could not save") == 1, limited.stderr
    said = [limited.stderr.count(f"Could not save step {step} in") for step in (EVERY, 2 * EVERY)]
    assert said == [1, 1], limited.stderr
    assert json.loads((run / "error.json").read_text())["exit_code"] == 6
    assert len(list((run / "checkpoints").iterdir())) == 0
    done = in_child(*command)
    assert done.returncode == 0, done.stderr
    assert remains(run) == remains(undisturbed)


def test_progress_that_nobody_can_write_ends_no_run(
    data: pathlib.Path, undisturbed: pathlib.Path, tmp_path: pathlib.Path
):
    """As where standard error goes to a file on the disk that fills up."""
    command = train_words(data, tmp_path / "run", STEPS, *KEYS)
    with open("/dev/full", "w") as full:
        assert begin(*command, stderr=full.fileno()).wait(timeout=120) == 0
    assert remains(tmp_path / "run") == remains(undisturbed)


def test_lines_are_appended_whole_or_not_at_all(tmp_path: pathlib.Path):
    """At any amount of room within two lines; what cannot be written can be written later."""
    record = {"step": 1, "text": "x" * 60}
    line = len(json.dumps(record)) + 1
    for room in range(0, 2 * line, 7):
        path = tmp_path / f"{room}.jsonl"
        _journal.append(path, [record])
        try:
            with filling.limit(line + room):
                _journal.append(path, [record, record])
        except CheckpointError as error:
            assert f"{room}.jsonl cannot be written" in str(error)
        assert path.stat().st_size == line
        _journal.append(path, [record, record])
        assert _journal.read(path) == [record] * 3
