"""Long runs: memory stays flat after warm-up, no array is left behind, nothing is compiled again.

`make test` watches 1,500 chunks, `make soak` 10,000.
"""

import json
import pathlib
import subprocess
import sys

import pytest
import watching

#: Chunks until memory may be called warm: allocators and caches have grown to what they need.
WARM = 500


def watch(tmp_path: pathlib.Path, chunks: int) -> list[tuple[int, int, int, int]]:
    command = [sys.executable, watching.__file__, str(tmp_path / "run"), str(chunks)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3000)
    assert done.returncode == 0, done.stderr
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


def check(seen: list[tuple[int, int, int, int]], chunks: int) -> None:
    warm = [report for report in seen if report[0] >= WARM]
    assert warm[-1][0] > chunks - 200
    grown = (warm[-1][1] - warm[0][1]) / 1024 / ((warm[-1][0] - warm[0][0]) / 1000)
    arrays, compiled = {report[2] for report in warm}, {report[3] for report in warm}
    print(
        f"\n{chunks:,} chunks: {warm[0][1] / 1024:,.1f} MiB after {warm[0][0]}, {warm[-1][1] / 1024:,.1f} at the end: "
        f"{grown:+.2f} MiB for 1,000 chunks; live arrays {sorted(arrays)}; programs {sorted(compiled)}"
    )
    assert grown <= 1.0 and len(arrays) == 1 and len(compiled) == 1


def test_a_run_of_many_chunks_stays_as_it_is(tmp_path: pathlib.Path):
    check(watch(tmp_path, 1500), 1500)


@pytest.mark.soak
def test_a_run_of_ten_thousand_chunks_stays_as_it_is(tmp_path: pathlib.Path):
    check(watch(tmp_path, 10_000), 10_000)
