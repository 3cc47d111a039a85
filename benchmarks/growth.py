"""Growth: what becomes of time and memory as rows, agent seeds, steps of the sampler and batches grow.

    python benchmarks/growth.py [--rounds 5] [--save]

One of them grows, the rest stays at `cfgrl-goal` with 3 x 256, batch 256, 100,000 rows, one seed, 16 steps. Each number
of rows is trained on in a process of its own, whose own count of its peak memory is told with the bytes of the columns;
before training it makes the rows and checks them, which is part of that peak. The others are measured in turn.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from typing import Any

import _walks
import jax
from _results import Results, main
from _timing import interleaved, seconds
from acting import as_called, untrained
from training import Size, Training, build

import cfgrl

HIDDEN, BATCH, UPDATES = (256, 256, 256), 256, 100
ROWS, SEEDS, STEPS = (10**4, 10**5, 10**6, 10**7), (1, 2, 4, 8, 16), (1, 4, 16, 64)
BATCHES = (64, 256, 1024, 4096)


def child(rows: int, residency: Any) -> dict[str, float]:
    """Train on as many rows in this process: seconds until they are in place, updates a second, peak memory."""
    began = time.perf_counter()
    data = cfgrl.place(_walks.data(rows), residency=residency).data
    placed = time.perf_counter() - began
    training = Training(build("cfgrl-goal", Size(HIDDEN, BATCH, UPDATES)), data, None, UPDATES)
    seconds(training)
    took = statistics.median(seconds(training) for _ in range(5))
    with open("/proc/self/status") as status:
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    distinct = {id(column): column.nbytes for column in data.columns.values()}
    return {"placed": placed, "rate": UPDATES / took, "peak": peak / 2**10, "columns": sum(distinct.values()) / 2**20}


def by_rows(results: Results, quick: bool) -> None:
    """Rows on the device and streamed, each in a process of its own."""
    for rows in ROWS[: 1 if quick else None]:
        for residency, place in (("device", "on the device"), ("host", "streamed")):
            command = [sys.executable, __file__, "--child", str(rows), residency]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                sys.exit(done.stderr)
            found, row = json.loads(done.stdout.splitlines()[-1]), f"{rows:,} {place}"
            results.add("rows", row, "columns", found["columns"], "MiB")
            results.add("rows", row, "peak memory", found["peak"], "MiB")
            results.add("rows", row, "making and placing", found["placed"], "s")
            results.add("rows", row, "updates", found["rate"], "/s")


def by_seeds(results: Results, data: cfgrl.Data, quick: bool, rounds: int) -> None:
    """Agent seeds together; each call makes about as many updates in total."""
    agent = build("cfgrl-goal", Size(HIDDEN, BATCH, UPDATES))
    updates = {seeds: max(2, UPDATES // seeds) for seeds in SEEDS[: 2 if quick else None]}
    calls = {str(seeds): Training(agent, data, seeds, count) for seeds, count in updates.items()}
    times = interleaved(calls, rounds)
    one = times["1"].median / updates[1]
    for seeds, count in updates.items():
        each = times[str(seeds)].median / count
        results.add("seeds", str(seeds), "updates of all seeds", seeds / each, "/s")
        results.add("seeds", str(seeds), "time, one seed = 1", each / one)


def by_steps(results: Results, quick: bool, rounds: int) -> None:
    """Steps of the sampler."""
    steps = STEPS[: 2 if quick else None]
    calls = {str(count): as_called(untrained(HIDDEN, count), 1) for count in steps}
    times = interleaved(calls, rounds, repeats=dict.fromkeys(calls, 20))
    for count in steps:
        median = times[str(count)].median
        results.add("steps", str(count), "an action", 1e3 * median, "ms")
        results.add("steps", str(count), "time for each step", 1e6 * median / count, "µs")


def by_batch(results: Results, data: cfgrl.Data, quick: bool, rounds: int) -> None:
    """Transitions in a batch; each call sees about as many in total."""
    batches = BATCHES[: 2 if quick else None]
    updates = {batch: max(2, UPDATES * BATCH // batch) for batch in batches}
    calls = {
        str(batch): Training(build("cfgrl-goal", Size(HIDDEN, batch, 0)), data, None, updates[batch])
        for batch in batches
    }
    times = interleaved(calls, rounds)
    for batch in batches:
        rate = updates[batch] / times[str(batch)].median
        results.add("batch", str(batch), "updates", rate, "/s")
        results.add("batch", str(batch), "transitions", rate * batch, "/s")


def options(parser: argparse.ArgumentParser) -> None:
    """How long to measure."""
    parser.add_argument("--rounds", type=int, default=5, help="turns of each call")


def measure(results: Results, words: argparse.Namespace) -> None:
    """Rows first, while this process holds no device."""
    by_rows(results, words.quick)
    rounds, data = (2 if words.quick else words.rounds), jax.device_put(_walks.data(10**5))
    by_seeds(results, data, words.quick, rounds)
    by_steps(results, words.quick, rounds)
    by_batch(results, data, words.quick, rounds)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(child(int(sys.argv[2]), sys.argv[3])))
    else:
        main("growth", __doc__, measure, options)
