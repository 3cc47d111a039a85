"""Long runs: memory stays flat after warm-up, no array is left behind, nothing is compiled again.

`make test` watches 1,500 compiled calls, `make soak` 10,000.
"""

import json
import pathlib
import subprocess
import sys
from typing import NamedTuple

import pytest
import watching

#: Calls until memory may be called warm: allocators and caches have grown to what they need.
WARM = 500


class Report(NamedTuple):
    """What is seen after so many calls."""

    calls: int
    resident: int
    arrays: int
    programs: int


def watch(tmp_path: pathlib.Path, calls: int) -> list[Report]:
    # Two or three calls lie between two log points.
    command = [sys.executable, watching.__file__, str(tmp_path / "run"), str(calls // 2)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3000)
    assert done.returncode == 0, done.stderr
    seen = [Report(*json.loads(line)) for line in done.stdout.splitlines()]
    assert seen[-1].calls >= calls
    return [report for report in seen if report.calls >= WARM]


def check(seen: list[Report], most: float) -> None:
    """`most` MiB for 1,000 calls; of each third the least is taken, because memory in use goes up and down."""
    third = max(1, len(seen) // 3)
    first, last = (min(part, key=lambda report: report.resident) for part in (seen[:third], seen[-third:]))
    grown = (last.resident - first.resident) / 1024 / ((last.calls - first.calls) / 1000)
    arrays, programs = ({getattr(report, name) for report in seen} for name in ("arrays", "programs"))
    print(
        f"\n{seen[-1].calls:,} calls: {first.resident / 1024:,.1f} MiB at {first.calls:,}, "
        f"{last.resident / 1024:,.1f} at {last.calls:,}, {grown:+.2f} for 1,000 calls; "
        f"live arrays {sorted(arrays)}; programs {sorted(programs)}"
    )
    assert grown <= most and len(arrays) == 1 and len(programs) == 1


def test_a_run_of_many_calls_stays_as_it_is(tmp_path: pathlib.Path):
    check(watch(tmp_path, 1500), most=2.0)


@pytest.mark.soak
def test_a_run_of_ten_thousand_calls_stays_as_it_is(tmp_path: pathlib.Path):
    check(watch(tmp_path, 10_000), most=1.0)
