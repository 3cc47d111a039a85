"""Acting: how long `policy.act` takes as a user calls it, and how much of that is not the compiled function.

    python benchmarks/acting.py [--rounds 10] [--save]

`cfgrl-goal` with 16 guided steps, w given; NumPy arrays in, `np.asarray` of the action out. The compiled function alone
gets the same rows, already on the device and with their random keys made. `host` is the share of a call that it does
not explain: checks, keys, transfers, Python.
"""

import argparse
import contextlib
import itertools
from collections.abc import Callable
from typing import Any

import _walks
import equinox as eqx
import jax
import numpy as np
from _results import Results, Target, main
from _timing import Times, interleaved

import cfgrl
from cfgrl._act import act_row
from cfgrl.nn._product import one_row

SIZES = {"3x256": (256,) * 3, "4x512": (512,) * 4}
#: Rows, and calls in a row in each turn: a second of one size would hide how the others drift.
ROWS = {1: 30, 16: 10, 128: 3, 1024: 1}
WEIGHT, ONE_MS, SEVERAL_MS = 1.5, 0.35, 1.9


def untrained(hidden: tuple[int, ...], steps: int = 16) -> cfgrl.Policy:
    """`cfgrl-goal` as it is before training, which acts as fast as after it."""
    agent = cfgrl.from_preset("cfgrl-goal", {"policy.network.hidden": list(hidden), "policy.steps": steps})
    data = _walks.data(_walks.LENGTH)
    return cfgrl.Policy(agent, cfgrl.init(agent, data, key=jax.random.key(0)), data.spec)


def as_called(policy: cfgrl.Policy, rows: int) -> Callable[[], np.ndarray]:
    """`policy.act` on one observation without an axis over rows, or on many; the keys are the caller's, and ready."""
    shape = (2,) if rows == 1 else (rows, 2)
    observation, goal = np.random.default_rng(0).random((2, *shape), np.float32)
    keys = itertools.cycle(list(jax.random.split(jax.random.key(1), 64)))

    def call() -> np.ndarray:
        return np.asarray(policy.act(observation, goal=goal, weight=WEIGHT, key=next(keys)))

    return call


def compiled(policy: cfgrl.Policy, rows: int) -> Callable[[], jax.Array]:
    """The sampler for as many rows, with everything that it reads prepared."""
    arrays, static = eqx.partition((policy.agent, policy.state), eqx.is_array)
    leaves, structure = jax.tree.flatten(arrays)

    @jax.jit
    def act(leaves: Any, observation: Any, goal: Any, weight: Any, bits: Any) -> Any:
        agent, state = eqx.combine(jax.tree.unflatten(structure, leaves), static)
        with one_row() if rows == 1 else contextlib.nullcontext():  # as `policy.act` does
            return jax.vmap(lambda *row: act_row(agent, state, *row))(
                observation, goal, weight, jax.random.wrap_key_data(bits)
            )

    observation, goal = jax.device_put(np.random.default_rng(0).random((2, rows, 2), np.float32))
    # A key's bits: the key itself would go through Python at every call.
    bits = jax.random.key_data(jax.random.split(jax.random.key(1), rows))
    weight = jax.device_put(np.full(rows, WEIGHT, np.float32))
    return lambda: act(leaves, observation, goal, weight, bits)


def report(results: Results, size: str, times: dict[str, Times]) -> None:
    """The figures of one size."""
    one = times["act 1"].median
    for rows in ROWS:
        called, alone, row = times[f"act {rows}"], times[f"compiled {rows}"], f"{size}, {rows} row{'s' * (rows > 1)}"
        wanted: dict[str, Target] = {}
        if rows == 1:
            wanted = {"act": ("at most", {"3x256": ONE_MS}.get(size, SEVERAL_MS)), "host": ("at most", 0.3)}
        elif rows == 128:
            wanted = {"a row, batch 1 = 1": ("at most", 1 / 3)}
        figures = {
            "act": (1e3 * called.median, "ms"),
            "act, fastest tenth": (1e3 * called.low, "ms"),
            "compiled": (1e3 * alone.median, "ms"),
            "host": (1 - alone.median / called.median, ""),
            "actions": (rows / called.median, "/s"),
            "a row, batch 1 = 1": (called.median / rows / one, ""),
        }
        for name, (value, unit) in figures.items():
            results.add("acting", row, name, value, unit, target=wanted.get(name))


def options(parser: argparse.ArgumentParser) -> None:
    """How long to measure."""
    parser.add_argument("--rounds", type=int, default=10, help="turns of each call")


def measure(results: Results, words: argparse.Namespace) -> None:
    """Both sizes, one after the other; within each, all calls in turn."""
    for size, hidden in SIZES.items():
        policy = untrained((16,) * 3 if words.quick else hidden)
        calls: dict[str, Callable[[], Any]] = {}
        for rows in ROWS:
            calls |= {f"act {rows}": as_called(policy, rows), f"compiled {rows}": compiled(policy, rows)}
        repeats = {f"{what} {rows}": count for what in ("act", "compiled") for rows, count in ROWS.items()}
        report(results, size, interleaved(calls, 2 if words.quick else words.rounds, repeats=repeats))


if __name__ == "__main__":
    main("acting", __doc__, measure, options)
