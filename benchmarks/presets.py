"""Every preset at its full size: 50 updates and one action, on synthetic data of a point maze's shapes.

A preset that moves pixels has 4 updates, on images of 64 x 64.

    python benchmarks/presets.py [PRESET ...] [--save]

Times are of this machine and of a cold compiler, whose programs are not kept; they say that a preset fits and runs, not
how good it is. Compiling is what the first half of the updates takes beyond the other half.
"""

import argparse
import time
from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
from _results import Results, main

from cfgrl import Data, Policy, from_preset, init, train_chunk
from cfgrl.config._registry import load_registries


def vectors(rng: np.random.Generator, size: int) -> np.ndarray:
    """Random positions: what data hold does not change how long an update takes."""
    return rng.normal(size=(size, 2))


def images(rng: np.random.Generator, size: int) -> np.ndarray:
    """Random pictures."""
    return rng.integers(0, 256, (size, 64, 64, 3), np.uint8)


def episodes(observe: Callable[[np.random.Generator, int], np.ndarray], count: int, rows: int) -> Data:
    """Episodes with rewards."""
    rng = np.random.default_rng(0)
    terminals = np.zeros((count, rows))
    terminals[:, -1] = 1
    size = count * rows
    actions, rewards = rng.uniform(-0.9, 0.9, (size, 2)), rng.normal(size=size)
    return Data.from_arrays(observe(rng, size), actions, terminals.ravel(), rewards=rewards)


class Measured(NamedTuple):
    """Seconds of the first half of `updates`, in which all is compiled, and of the second; seconds of one action."""

    updates: int
    first: float
    second: float
    action: float

    @property
    def compiling(self) -> float:
        """Seconds."""
        return self.first - self.second


def measure(name: str) -> Measured:
    """Train and act."""
    agent = from_preset(name)
    pictures = agent.view.augment == "crop"
    updates = 4 if pictures else 50
    data = episodes(images, 4, 101) if pictures else episodes(vectors, 50, 401)
    resident, times = jax.device_put(data), [time.perf_counter()]
    state = init(agent, data, key=jax.random.key(0))
    for _ in range(2):
        state, chunk = train_chunk(agent, resident, state, updates // 2)
        jax.block_until_ready(chunk.first_bad)
        times.append(time.perf_counter())
        if int(chunk.first_bad) >= 0:
            raise SystemExit(f"{name}: update {int(chunk.first_bad)} was not finite")
    policy = Policy(agent, state, data.spec)
    seen = np.zeros(*data.spec["observations"])
    goal = {"goal": seen} if agent.takes_goal else {}
    seen = np.concatenate([seen] * agent.view.frame_stack, axis=-1)
    action = policy.act(seen, **goal, key=jax.random.key(1))
    if action.shape[-1] != 2 or not np.isfinite(action).all():
        raise SystemExit(f"{name}: {action} is no action")
    began = time.perf_counter()
    np.asarray(policy.act(seen, **goal, key=jax.random.key(2)))
    return Measured(updates, times[1] - times[0], times[2] - times[1], time.perf_counter() - began)


def options(parser: argparse.ArgumentParser) -> None:
    """Which presets."""
    parser.add_argument("presets", nargs="*", metavar="PRESET")


def report(results: Results, words: argparse.Namespace) -> None:
    """One line a preset, and the longest compilation of all."""
    jax.config.update("jax_enable_compilation_cache", False)
    names = words.presets or (["cfgrl-goal"] if words.quick else sorted(load_registries().presets()))
    compiling = {}
    for name in names:
        found = measure(name)
        compiling[name] = found.compiling
        results.add("preset", name, "compiling", found.compiling, "s")
        results.add("preset", name, "an update", 1e3 * found.second / (found.updates // 2), "ms")
        results.add("preset", name, "an action", 1e3 * found.action, "ms")
        print(f"{name}: {found.first:.1f} s for the first {found.updates // 2} updates", flush=True)
    longest = max(compiling, key=lambda name: compiling[name])
    results.add("longest compilation", longest, "compiling", compiling[longest], "s", target=("at most", 15.0))


if __name__ == "__main__":
    main("presets", __doc__, report, options)
