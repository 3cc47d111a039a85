"""Episodes with the shapes of pointmaze-medium-navigate: 1,001 rows each, a random walk with random rewards.

What the rows hold does not change how long an update takes, so nothing has to be generated in a simulator.
"""

from typing import Any

import numpy as np

import cfgrl

LENGTH = 1001


def arrays(rows: int, seed: int = 0) -> dict[str, Any]:
    """About `rows` rows, in whole episodes, as the arguments of `Data.from_arrays`."""
    episodes, rng = max(1, round(rows / LENGTH)), np.random.default_rng(seed)
    actions = rng.random((episodes, LENGTH, 2), np.float32) * np.float32(1.8) - np.float32(0.9)
    walks = np.zeros_like(actions)
    np.cumsum(actions[:, :-1], axis=1, out=walks[:, 1:])
    terminals = np.zeros((episodes, LENGTH), np.float32)
    terminals[:, -1] = 1
    rewards = rng.random(episodes * LENGTH, np.float32)
    flat = {"observations": walks.reshape(-1, 2), "actions": actions.reshape(-1, 2), "terminals": terminals.ravel()}
    return {**flat, "rewards": rewards}


def data(rows: int) -> cfgrl.Data:
    """The same as checked `Data` on the host."""
    return cfgrl.Data.from_arrays(**arrays(rows))
