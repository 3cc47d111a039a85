"""Small problems that several tests share."""

import jax
import numpy as np

from cfgrl import Agent, Data, Stage, View, nn
from cfgrl_plugins.guidance.cfg import CFG
from cfgrl_plugins.labelers.goals import Goals
from cfgrl_plugins.policies.flow_matching import FlowMatching


def walk(episodes: int = 12, length: int = 9, seed: int = 0) -> Data:
    """Random walks in the plane whose actions are the steps; goals are the places reached."""
    rng = np.random.default_rng(seed)
    actions = rng.uniform(-0.9, 0.9, (episodes, length, 2))
    observations = np.concatenate([np.zeros((episodes, 1, 2)), np.cumsum(actions, axis=1)[:, :-1]], axis=1)
    terminals = np.zeros((episodes, length))
    terminals[:, -1] = 1
    return Data.from_arrays(observations.reshape(-1, 2), actions.reshape(-1, 2), terminals.ravel())


def small_agent(*, normalize: bool = False, batch_size: int = 16, hidden: tuple[int, ...] = (16, 16), **cfg) -> Agent:
    """Goal-conditioned CFGRL at a size that trains in a second."""
    stage = Stage(Goals(), FlowMatching(nn.MLP(hidden=hidden), steps=4), CFG(**cfg))
    return Agent(stage, View(normalize=normalize), batch_size=batch_size)


def leaves(tree) -> list[np.ndarray]:
    """All arrays of a pytree on the host, random keys as their data."""
    found = []
    for leaf in jax.tree.leaves(tree):
        if isinstance(leaf, jax.Array) and jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            leaf = jax.random.key_data(leaf)
        if hasattr(leaf, "shape"):
            found.append(np.asarray(leaf))
    return found


def assert_same_bits(a, b) -> None:
    """Every leaf of two pytrees, bit for bit."""
    left, right = leaves(a), leaves(b)
    assert len(left) == len(right) > 0
    for x, y in zip(left, right, strict=True):
        assert x.dtype == y.dtype and x.shape == y.shape
        assert x.tobytes() == y.tobytes()
