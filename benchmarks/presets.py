"""Every preset at its full size: 50 updates and one action, on synthetic data of a point maze's shapes.

    python benchmarks/presets.py [PRESET ...] [--save]

Times are of this machine and of a cold compiler, whose programs are not kept; they say that a preset fits and runs, not
how good it is. Compiling is what the first 25 updates take beyond the next 25.
"""

import argparse
import time

import jax
import numpy as np
from _results import Results, main

from cfgrl import Data, Policy, from_preset, init, train_chunk
from cfgrl.config._registry import load_registries

UPDATES = 50


def episodes(count: int = 50, rows: int = 401) -> Data:
    """Random rows with rewards: what they hold does not change how long an update takes."""
    rng = np.random.default_rng(0)
    terminals = np.zeros((count, rows))
    terminals[:, -1] = 1
    size = count * rows
    return Data.from_arrays(
        rng.normal(size=(size, 2)), rng.uniform(-0.9, 0.9, (size, 2)), terminals.ravel(), rewards=rng.normal(size=size)
    )


def measure(name: str, data: Data) -> tuple[float, float, float]:
    """Seconds to the end of the first chunk, milliseconds an update in the second, milliseconds of one action."""
    agent = from_preset(name)
    resident = jax.device_put(data)
    begin = time.perf_counter()
    state = init(agent, data, key=jax.random.key(0))
    state, chunk = train_chunk(agent, resident, state, UPDATES // 2)
    jax.block_until_ready(chunk.first_bad)
    compiled = time.perf_counter()
    state, chunk = train_chunk(agent, resident, state, UPDATES // 2)
    jax.block_until_ready(chunk.first_bad)
    trained = time.perf_counter()
    if int(chunk.first_bad) >= 0:
        raise SystemExit(f"{name}: update {int(chunk.first_bad)} was not finite")
    policy = Policy(agent, state, data.spec)
    goal = {"goal": np.zeros(2)} if agent.takes_goal else {}
    action = policy.act(np.zeros(2), **goal, key=jax.random.key(1))
    if action.shape != (2,) or not np.isfinite(action).all():
        raise SystemExit(f"{name}: {action} is no action")
    acting = time.perf_counter()
    policy.act(np.zeros(2), **goal, key=jax.random.key(2))
    return compiled - begin, (trained - compiled) / (UPDATES // 2) * 1e3, (time.perf_counter() - acting) * 1e3


def options(parser: argparse.ArgumentParser) -> None:
    """Which presets."""
    parser.add_argument("presets", nargs="*", metavar="PRESET")


def report(results: Results, words: argparse.Namespace) -> None:
    """One line a preset, and the longest compilation of all."""
    jax.config.update("jax_enable_compilation_cache", False)
    names = words.presets or (["cfgrl-goal"] if words.quick else sorted(load_registries().presets()))
    data, compiling = episodes(), {}
    for name in names:
        first, update, action = measure(name, data)
        compiling[name] = first - UPDATES // 2 * update / 1e3
        results.add("preset", name, "compiling", compiling[name], "s")
        results.add("preset", name, "an update", update, "ms")
        results.add("preset", name, "an action", action, "ms")
        print(f"{name}: {first:.1f} s for the first {UPDATES // 2} updates", flush=True)
    longest = max(compiling, key=lambda name: compiling[name])
    results.add("longest compilation", longest, "compiling", compiling[longest], "s", target=("at most", 15.0))


if __name__ == "__main__":
    main("presets", __doc__, report, options)
