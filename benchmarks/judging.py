"""Judging: a sweep over the guidance weight, against the same episodes one environment at a time.

    python benchmarks/judging.py [--serial 1] [--save]

The sweep is that of `cfgrl eval`: pointmaze-medium, 5 tasks x 8 episodes at each of 6 weights, 64 environments in one
worker process a core. The policy is `cfgrl-goal` with 4 x 512 before any training: it solves nothing, so that nearly
every episode has the full 1,000 steps and there is the most to do.

The other way is the usual one: for each episode a reset, then `policy.act` on one observation and a step, in turn. It
is measured on the first `--serial` episodes of each task and weight of the same sweep, half of them before the sweep
and half after it, and compared by environment steps a second. Its noise has other keys.
"""

import argparse
import contextlib
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from unittest import mock

import jax
import numpy as np
from _results import Results, main
from _stopwatch import Count, TimedOGBench
from acting import untrained

import cfgrl
from cfgrl.evaluation._evaluate import plan
from cfgrl.evaluation._judge import judge
from cfgrl.evaluation._vector_environment import Episode

NAME = "pointmaze-medium-navigate-v0"
WEIGHTS = (0.0, 1.0, 1.5, 2.0, 3.0, 5.0)


class Taken(NamedTuple):
    """Wall time of episodes, the seconds of it in which this process acted, and what their environments counted."""

    wall: float
    acting: float
    environments: Count


@contextlib.contextmanager
def acting_time() -> Iterator[list[float]]:
    """The seconds of each action of any `Controller` in here."""
    found: list[float] = []
    act = cfgrl.Controller.act

    def timed(self: cfgrl.Controller, *rows: Any, **named: Any) -> np.ndarray:
        began = time.perf_counter()
        action = act(self, *rows, **named)
        found.append(time.perf_counter() - began)
        return action

    with mock.patch.object(cfgrl.Controller, "act", timed):
        yield found


def sweep(policy: cfgrl.Policy, weights: Sequence[float], tasks: Sequence[int], episodes: int) -> Taken:
    """As `cfgrl eval` judges; loading environments and compiling are part of it."""
    with tempfile.TemporaryDirectory() as folder, acting_time() as acting:
        dataset = TimedOGBench(NAME, folder=folder)
        began = time.perf_counter()
        judge(policy.agent, policy.state, dataset, seeds=(0,), weights=weights, episodes=episodes, tasks=tasks)
        return Taken(time.perf_counter() - began, sum(acting), dataset.count())


def serial(policy: cfgrl.Policy, episodes: Sequence[Episode]) -> Taken:
    """One environment at a time; loading it and compiling are not part of it."""
    with tempfile.TemporaryDirectory() as folder:
        dataset = TimedOGBench(NAME, folder=folder)
        environment, key, acting = dataset.environment(), jax.random.key(0), 0.0
        observation, goal = environment.reset("task1", 0)
        np.asarray(policy.act(observation, goal=goal, weight=1.0, key=key))
        before, began = dataset.count(), time.perf_counter()
        for episode in episodes:
            observation, goal = environment.reset(episode.task, episode.env_seed)
            done = False
            while not done:
                asked = time.perf_counter()
                key, used = jax.random.split(key)
                action = np.asarray(policy.act(observation, goal=goal, weight=episode.weight, key=used))
                acting += time.perf_counter() - asked
                observation, _, done, _ = environment.step(action)
        wall, after = time.perf_counter() - began, dataset.count()
        environment.close()
    return Taken(wall, acting, Count(after.steps - before.steps, after.seconds - before.seconds))


def report(results: Results, row: str, taken: Taken) -> None:
    """The figures of one way."""
    results.add("judging", row, "environment steps", taken.environments.steps)
    results.add("judging", row, "wall time", taken.wall, "s")
    results.add("judging", row, "acting", taken.acting, "s")
    results.add("judging", row, "in environments, all workers", taken.environments.seconds, "s")
    results.add("judging", row, "steps", taken.environments.steps / taken.wall, "/s")


def options(parser: argparse.ArgumentParser) -> None:
    """How much is played one at a time."""
    parser.add_argument("--serial", type=int, default=1, help="episodes of each task and weight, one at a time")


def measure(results: Results, words: argparse.Namespace) -> None:
    """Half of the episodes one at a time, the sweep, the other half."""
    weights, tasks, episodes = (WEIGHTS[:2], (1,), 2) if words.quick else (WEIGHTS, (1, 2, 3, 4, 5), 8)
    policy = untrained((16,) * 3 if words.quick else (512,) * 4)
    chosen = plan(1, [f"task{task}" for task in tasks], weights, words.serial, 0)
    before = serial(policy, chosen[::2])
    swept = sweep(policy, weights, tasks, episodes)
    after = serial(policy, chosen[1::2])
    first, second = before.environments, after.environments
    count = Count(first.steps + second.steps, first.seconds + second.seconds)
    single = Taken(before.wall + after.wall, before.acting + after.acting, count)
    report(results, f"sweep, {len(weights) * len(tasks) * episodes} episodes", swept)
    report(results, f"one at a time, {len(chosen)} of them", single)
    rates = [taken.environments.steps / taken.wall for taken in (swept, single, before, after)]
    results.add("faster by steps a second", "sweep", "times one at a time", rates[0] / rates[1], target=("at least", 5))
    results.add(
        "faster by steps a second", "sweep", "whole sweep one at a time", swept.environments.steps / rates[1], "s"
    )
    results.add("faster by steps a second", "sweep", "one at a time, after / before", rates[3] / rates[2])


if __name__ == "__main__":
    main("judging", __doc__, measure, options)
