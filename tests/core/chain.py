"""A chain of five states with two actions, its data, and a network that is a table: what critics are checked on."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from cfgrl import Data, Network, View

STATES, DISCOUNT, STEP = 5, 0.9, 0.5


class Entries(eqx.Module):
    """A value for each state, or for each state and sign of the action."""

    table: Any

    def __call__(self, x):
        state = x[:STATES]
        if x.shape[0] == STATES:
            return (state @ self.table[:, 0])[None]
        right = (x[STATES] > 0).astype(jnp.float32)
        return (state @ self.table @ jnp.stack([1.0 - right, right]))[None]


class Table(Network):
    """Starts at zero."""

    def init(self, in_size, out_size, *, key):
        del out_size
        noise = 0.01 * jax.random.normal(key, (STATES, 1 if in_size == STATES else 2))
        return Entries(noise)


def chain(episodes: int = 400, length: int = 12, seed: int = 0) -> Data:
    """A random walk: right with probability 0.4; a move in five fails; reaching the right end pays 1 and ends."""
    rng = np.random.default_rng(seed)
    rows: dict[str, list] = {"observations": [], "actions": [], "terminals": [], "rewards": [], "masks": []}
    for _ in range(episodes):
        state = int(rng.integers(STATES - 1))
        for step in range(length):
            right = rng.random() < 0.4
            moved = rng.random() < 0.8
            after = int(np.clip(state + (1 if right else -1) * moved, 0, STATES - 1))
            solved = after == STATES - 1
            over = step == length - 1
            rows["observations"].append(np.eye(STATES)[state])
            rows["actions"].append([STEP if right else -STEP])
            rows["terminals"].append(over)
            rows["rewards"].append(float(solved))
            rows["masks"].append(float(not solved))
            state = int(rng.integers(STATES - 1)) if solved and not over else after
    # A solved row is followed by another start, which its mask of 0 makes irrelevant.
    return Data.from_arrays(**{name: np.array(value) for name, value in rows.items()})


def transitions(data: Data) -> list[tuple[int, int, float, float, int]]:
    """(s, a, r, mask, s') of each transition."""
    states = np.argmax(data.columns["observations"], axis=1)
    actions = (data.columns["actions"][:, 0] > 0).astype(int)
    rewards, masks = data.columns["rewards"], data.columns["masks"]
    return [(states[i], actions[i], rewards[i], masks[i], states[i + 1]) for i in data.transitions]


def backup(data: Data, value: np.ndarray) -> np.ndarray:
    """E[r + γ·mask·V(s') | s, a] over the transitions, shape `(states, 2)`; NaN where a pair never occurs."""
    total, count = np.zeros((STATES, 2)), np.zeros((STATES, 2))
    for s, a, r, mask, after in transitions(data):
        total[s, a] += r + DISCOUNT * mask * value[after]
        count[s, a] += 1
    with np.errstate(invalid="ignore"):
        return total / count


def shares(data: Data) -> np.ndarray:
    """How often each action is taken in each state, shape `(states, 2)`."""
    count = np.zeros((STATES, 2))
    for s, a, *_ in transitions(data):
        count[s, a] += 1
    return count / np.maximum(count.sum(axis=1, keepdims=True), 1)


def viewed(data: Data):
    """The data as labelers see them."""
    view = View()
    return view.bind(view.fit(data), data)


def learn(labeler, data: Data, actor, *, updates: int, batch: int = 256):
    """The labeler's state after `updates` updates."""
    seen = viewed(jax.device_put(data))
    state = eqx.filter_jit(labeler.init)(seen, key=jax.random.key(0))
    arrays, static = eqx.partition(state, eqx.is_array)

    def body(arrays, key):
        index_key, key = jax.random.split(key)
        index = seen.draw(batch, key=index_key)
        state, _ = labeler.update(eqx.combine(arrays, static), seen, index, actor, key=key)
        return eqx.filter(state, eqx.is_array), None

    keys = jax.random.split(jax.random.key(1), updates)
    arrays, _ = jax.jit(lambda a: jax.lax.scan(body, a, keys))(arrays)
    return eqx.combine(arrays, static)


def q_table(labeler, state) -> np.ndarray:
    """The mean of the heads at each state and action."""
    actions = (-STEP, STEP)
    critic = eqx.filter_jit(labeler.critic)
    heads = [[critic(state, jnp.eye(STATES)[s], jnp.array([a]), None) for a in actions] for s in range(STATES - 1)]
    return np.asarray(heads).mean(axis=-1)


def nobody(observation, context, key):
    """An actor that must not be asked."""
    raise AssertionError("the actor was asked")
