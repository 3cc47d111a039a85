"""How long the command line takes to answer: the median of several fresh processes.

Run by `make bench`. `cfgrl --help` and `cfgrl list` import no jax and should answer within 0.4 s.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

REPEATS = 7
COMMANDS = (("--help",), ("list",), ("list", "--json"), ("plugins",), ("train", "no-such-preset"))


def seconds(arguments: tuple[str, ...]) -> float:
    """Wall time of one process."""
    program = pathlib.Path(sys.executable).with_name("cfgrl")
    began = time.perf_counter()
    done = subprocess.run([str(program), *arguments], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    elapsed = time.perf_counter() - began
    if done.returncode not in (0, 2):
        sys.exit(f"cfgrl {' '.join(arguments)} ended with {done.returncode}: {done.stderr.decode()}")
    return elapsed


def main() -> None:
    """Print one line a command, and all of it as JSON where BENCH_JSON names a file."""
    medians = {}
    for arguments in COMMANDS:
        seconds(arguments)  # The first process may compile bytecode.
        medians["cfgrl " + " ".join(arguments)] = statistics.median(seconds(arguments) for _ in range(REPEATS))
    for command, median in medians.items():
        print(f"{command:<30} {median:6.3f} s")
    if "BENCH_JSON" in os.environ:
        pathlib.Path(os.environ["BENCH_JSON"]).write_text(json.dumps(medians, indent=2) + "\n")


if __name__ == "__main__":
    main()
