"""Training: updates a second, as a share of the machine's own limit, and beside a plain Python loop.

    python benchmarks/training.py [--preset cfgrl-goal] [--size 4x512] [--rounds 4] [--save]

For each preset and size, all of these in turn: the matrix products of the updates alone (`_products.py`), the plain
loop (`_reference.py`; goals only), and `train_chunk` on a million rows with 1, 4 and 16 agent seeds, data on the device
or streamed. A share is the updates' rate of operations over that of the products alone: of those with operands as the
network writes them, and of those laid out as the machine likes them best; both in float32, whatever the row.
"""

import argparse
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import _machine
import _walks
import jax
from _products import flops, passes, products
from _reference import PlainLoop
from _results import Results, Target, main
from _timing import Times, interleaved

import cfgrl

PRESETS = ("cfgrl-goal", "cfgrl-offline")


class Size(NamedTuple):
    """Widths of the layers (all networks), rows of a batch, and updates of one seed in a timed call."""

    hidden: tuple[int, ...]
    batch: int
    updates: int


SIZES = {"3x256": Size((256,) * 3, 256, 100), "4x512": Size((512,) * 4, 1024, 10)}
QUICK = {"3x16": Size((16,) * 3, 16, 4)}


class Way(NamedTuple):
    """How an agent is trained: where its data lie, its seeds (`None`: one without an axis), the products' precision."""

    residency: Literal["device", "host"] = "device"
    seeds: int | None = None
    precision: str = "float32"


#: What is timed of the library, by the name of its row.
WAYS = {
    "one seed": Way(),
    "one seed, streamed": Way("host"),
    "one seed, bfloat16": Way(precision="bfloat16"),
    "one seed, as `cfgrl train` has it": Way(seeds=1),
    "4 seeds": Way(seeds=4),
    "4 seeds, streamed": Way("host", seeds=4),
    "16 seeds": Way(seeds=16),
    "16 seeds, streamed": Way("host", seeds=16),
}
WRITTEN, PLAIN, LOOP = "products as written", "products laid out best", "plain loop"


class Training:
    """An agent that trains on at each call.

    **Arguments:**

    - `agent`, `data`: as `train_chunk` takes them.
    - `seeds`: agent seeds trained together; `None` for one without an axis.
    - `updates`: in one call.
    """

    def __init__(self, agent: cfgrl.Agent, data: cfgrl.Data, seeds: int | None, updates: int):
        key = jax.random.key(0)
        self.state = cfgrl.init(agent, data, key=key if seeds is None else jax.random.split(key, seeds))
        self._agent, self._data, self._updates = agent, data, updates

    def __call__(self) -> Any:
        """Make the updates."""
        self.state, chunk = cfgrl.train_chunk(self._agent, self._data, self.state, self._updates)
        return chunk


def build(preset: str, size: Size, precision: str = "float32") -> cfgrl.Agent:
    """The preset at another size."""
    overrides: dict[str, Any] = {"policy.network.hidden": list(size.hidden), "train.batch_size": size.batch}
    if preset == "cfgrl-offline":
        overrides["labeler.network.hidden"] = list(size.hidden)
    return cfgrl.from_preset(preset, {**overrides, "train.precision": precision})


class Case(NamedTuple):
    """One preset at one size: what is timed by the name of its row, and how many updates a call of it makes."""

    name: str
    work: int
    calls: dict[str, Any]
    updates: dict[str, int]


def prepare(preset: str, name: str, size: Size, data: cfgrl.Data, ways: Mapping[str, Way]) -> Case:
    """Everything that is timed for `preset` at `size`."""
    agent = build(preset, size)
    # Critics make an update six times the work.
    updates = size.updates if preset == "cfgrl-goal" else max(2, size.updates // 5)
    found = passes(agent, cfgrl.init(agent, data, key=jax.random.key(0)))
    calls: dict[str, Any] = {
        WRITTEN: products(found, updates),
        PLAIN: products(found, updates, plain=True),
    }
    if preset == "cfgrl-goal":
        calls[LOOP] = PlainLoop(data, size.hidden, size.batch, updates)
    counts = dict.fromkeys(calls, updates)
    for row, way in ways.items():
        # Fewer than those of one seed, or the longest calls would leave the others few turns.
        counts[row] = max(2, updates // 2) if way.seeds and way.seeds > 1 else updates
        placed = cfgrl.place(data, residency=way.residency).data
        calls[row] = Training(build(preset, size, way.precision), placed, way.seeds, counts[row])
    return Case(f"{preset} {name}/{size.batch}", flops(found), calls, counts)


def report(results: Results, case: Case, times: Mapping[str, Times]) -> None:
    """The figures of one case."""
    each = {row: taken.median / case.updates[row] for row, taken in times.items()}
    for row, took in each.items():
        seeds = WAYS.get(row, Way()).seeds or 1
        results.add(case.name, row, "rate", case.work * seeds / took / 1e9, "GFLOP/s")
        if row in (WRITTEN, PLAIN):
            continue
        results.add(case.name, row, "updates of all seeds", seeds / took, "/s")
        found = {"share": each[WRITTEN] * seeds / took, "share of the best": each[PLAIN] * seeds / took}
        if row in WAYS:
            found["time, one seed = 1"] = took / each["one seed"]
            if LOOP in each:
                found["times the plain loop"] = each[LOOP] * seeds / took
        for name, value in found.items():
            wanted = wants(case.name, row, name, gpu=_machine.backend() == "gpu")
            results.add(case.name, row, name, value, target=wanted)


def wants(case: str, row: str, name: str, *, gpu: bool) -> Target | None:
    """What is wanted of a figure, which is asked of `cfgrl-goal` alone; on a GPU only of large networks."""
    small, large = "cfgrl-goal 3x256/256", "cfgrl-goal 4x512/1024"
    targets: dict[tuple[str, str, str], Target] = {(large, "one seed", "share"): ("at least", 0.9)}
    if gpu:
        targets[large, "one seed", "times the plain loop"] = ("at least", 5)
        targets[large, "16 seeds", "times the plain loop"] = ("at least", 40)
        targets[large, "16 seeds", "time, one seed = 1"] = ("at most", 4)
    else:
        targets[small, "one seed", "times the plain loop"] = ("at least", 1.3)
        targets[small, "4 seeds", "time, one seed = 1"] = ("at most", 3.4)
    return targets.get((case, row, name))


def options(parser: argparse.ArgumentParser) -> None:
    """What can be left out, for a look at one thing."""
    parser.add_argument("--preset", choices=PRESETS, help="only this preset")
    parser.add_argument("--size", choices=tuple(SIZES), help="only this size")
    parser.add_argument("--rounds", type=int, default=4, help="turns of each call")


def measure(results: Results, words: argparse.Namespace) -> None:
    """Every preset at every size."""
    sizes, data = QUICK if words.quick else SIZES, _walks.data(10_000 if words.quick else 1_000_000)
    ways = {row: WAYS[row] for row in ("one seed", "one seed, streamed", "4 seeds")} if words.quick else WAYS
    longer = 20 if _machine.backend() == "gpu" else 1
    for preset in [words.preset] if words.preset else PRESETS:
        for name in [words.size] if words.size and not words.quick else sizes:
            size = sizes[name]._replace(updates=sizes[name].updates * longer)
            case = prepare(preset, name, size, data, ways)
            report(results, case, interleaved(case.calls, 2 if words.quick else words.rounds))


if __name__ == "__main__":
    main("training", __doc__, measure, options)
