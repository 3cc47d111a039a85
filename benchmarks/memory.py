"""The most memory that training holds, on data of a million rows: at most the arrays twice, plus one gigabyte.

    python benchmarks/memory.py [--residency device|host]

The files have the shapes of OGBench's pointmaze-medium-navigate and cube-single-play (1,001,000 rows for training and
100,100 for validation); the numbers in them are drawn, since memory does not depend on them. Each is trained for 200
updates with `cfgrl-goal` (3 x 256, batch 256) in a process of its own, whose own count of its peak is printed.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile
from typing import Any

import numpy as np

CHILD = """
import sys
from cfgrl.cli._main import main
code = main(sys.argv[1:])
with open("/proc/self/status") as file:
    print(next(line.split()[1] for line in file if line.startswith("VmHWM")))
sys.exit(code)
"""
#: Widths of observations, actions, qpos and qvel.
SHAPES = {"pointmaze-medium-navigate-v0": (2, 2, 2, 2), "cube-single-play-v0": (28, 5, 21, 20)}
LIMIT = 1 << 30


def write(folder: pathlib.Path, name: str) -> int:
    """Write both files; returns the bytes of the columns that are learnt from."""
    observation, action, qpos, qvel = SHAPES[name]
    size, rng = 0, np.random.default_rng(0)
    for suffix, episodes in (("", 1000), ("-val", 100)):
        rows = 1001 * episodes
        terminals = np.zeros(rows, bool)
        terminals[1000::1001] = True
        widths = {"observations": observation, "actions": action, "qpos": qpos, "qvel": qvel}
        arrays: dict[str, Any] = {key: rng.uniform(-1, 1, (rows, w)).astype(np.float32) for key, w in widths.items()}
        np.savez(folder / f"{name}{suffix}.npz", terminals=terminals, **arrays)
        goals = 2 if "maze" in name else 3
        size += rows * 4 * (observation + action + goals + 2)  # and two numbers a row for where episodes end
    return size


def main() -> None:
    """Print one line a data set; exit with 1 where a limit is passed."""
    parser = argparse.ArgumentParser(description="Peak memory of training.")
    parser.add_argument("--residency", choices=("device", "host"), default="device")
    residency = parser.parse_args().residency
    passed = False
    for name in SHAPES:
        with tempfile.TemporaryDirectory() as folder:
            size = write(pathlib.Path(folder), name)
            words = [
                "train",
                "cfgrl-goal",
                f"dataset.name={name}",
                f"dataset.dir={folder}",
                f"train.residency={residency}",
            ]
            words += ["policy.network.hidden=[256,256,256]", "train.batch_size=256", "train.steps=200"]
            command = [sys.executable, "-c", CHILD, *words, "--run-dir", f"{folder}/run"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                sys.exit(done.stderr)
            peak = int(done.stdout.splitlines()[-1]) << 10
            limit = 2 * size + LIMIT
            passed |= peak > limit
            found = {"arrays": size, "peak": peak, "limit": limit}
            print(f"{name:<30}" + "   ".join(f"{what} {value / 2**20:6.0f} MiB" for what, value in found.items()))
    sys.exit(passed)


if __name__ == "__main__":
    main()
