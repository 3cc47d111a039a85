"""The same training written a second time: a plain Python loop over batches, without the library's numerics.

Only the initial parameters, the data and the order of random keys are shared. Sampling, network, loss, gradient
descent and Adam are written out here from the paper's description, so that a mistake in the library's would show as
two loss curves that part. Prints how far apart they are, and how fast each runs.

    python benchmarks/plain_loop.py [--updates 2000] [--data DIR]
"""

import argparse
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import cfgrl
from cfgrl import nn
from cfgrl_plugins.guidance.cfg import CFG
from cfgrl_plugins.labelers.goals import Goals
from cfgrl_plugins.policies.flow_matching import FlowMatching

DROPOUT, RATE = 0.1, 3e-4


def agent(hidden: tuple[int, ...], batch: int) -> cfgrl.Agent:
    """Goal-conditioned CFGRL with the paper's choices, inputs as they are."""
    return cfgrl.Agent(cfgrl.Stage(Goals(), FlowMatching(nn.MLP(hidden=hidden)), CFG()), batch_size=batch)


def start(state: cfgrl.AgentState) -> dict[str, Any]:
    """The library's initial parameters as plain arrays."""
    net = state.stages[0].net
    layers = [(np.asarray(layer.weight), np.asarray(layer.bias)) for layer in net.velocity.layers]
    return {"null": jnp.asarray(net.encoder.condition.null_context), "layers": layers}


def batch(data: cfgrl.Data, key: Any, step: int, size: int) -> dict[str, Any]:
    """Batch number `step`, sampled on the host from the same random numbers."""
    index_key, stage_key = jax.random.split(jax.random.fold_in(key, step))
    label_key, loss_key, _ = jax.random.split(stage_key, 3)
    drop_key, noise_root = jax.random.split(loss_key)
    rows = data.transitions[np.asarray(jax.random.randint(index_key, (size,), 0, data.n_transitions))]
    ends = data.last[rows]
    low, high = jnp.asarray(rows + 1), jnp.asarray(ends + 1)
    goals = np.asarray(_goal_rows(jax.random.split(label_key, size), low, high))
    pairs = jax.vmap(jax.random.split)(jax.random.split(noise_root, size))
    width = data.columns["actions"].shape[1]
    return {
        "observation": data.columns["observations"][rows],
        "action": np.clip(data.columns["actions"][rows], -(1 - 1e-5), 1 - 1e-5),
        "goal": data.columns["goals"][goals],
        "known": ~np.asarray(jax.random.bernoulli(drop_key, DROPOUT, (size,))),
        "noise": np.asarray(jax.vmap(lambda k: jax.random.normal(k, (width,)))(pairs[:, 0])),
        "time": np.asarray(jax.vmap(jax.random.uniform)(pairs[:, 1])),
    }


@jax.jit
def _goal_rows(keys: Any, low: Any, high: Any) -> Any:
    return jax.vmap(lambda k, a, b: jax.random.randint(k, (), a, b))(keys, low, high)


def loss(parameters: dict[str, Any], b: dict[str, Any]) -> Any:
    """Mean over batch and action components of (v(x_t, t | s, g or null) - (a - noise))^2."""
    t = b["time"][:, None]
    goal = jnp.where(b["known"][:, None], b["goal"], parameters["null"][None])
    moved = (1 - t) * b["noise"] + t * b["action"]
    x = jnp.concatenate([b["observation"], goal, moved, t], axis=1)
    for weight, bias in parameters["layers"][:-1]:
        z = x @ weight.T + bias[None]
        x = 0.5 * z * (1 + jnp.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)))
    weight, bias = parameters["layers"][-1]
    return jnp.mean((x @ weight.T + bias[None] - (b["action"] - b["noise"])) ** 2)


@jax.jit
def update(parameters: Any, first: Any, second: Any, count: Any, b: Any) -> Any:
    """One step of Adam (Kingma & Ba, arXiv 1412.6980, algorithm 1)."""
    value, gradient = jax.value_and_grad(loss)(parameters, b)
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
    second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradient)

    def move(p: Any, m: Any, v: Any) -> Any:
        return p - RATE * (m / (1 - 0.9**count)) / (jnp.sqrt(v / (1 - 0.999**count)) + 1e-8)

    return jax.tree.map(move, parameters, first, second), first, second, value


def plain_curve(data: cfgrl.Data, state: cfgrl.AgentState, updates: int, size: int, every: int) -> list[float]:
    """Mean loss of every `every` updates, by the plain loop."""
    parameters: Any = jax.tree.map(jnp.asarray, start(state))
    first = second = jax.tree.map(jnp.zeros_like, parameters)
    losses = []
    for step in range(updates):
        count = jnp.float32(step + 1)
        parameters, first, second, value = update(parameters, first, second, count, batch(data, state.key, step, size))
        losses.append(value)
    return np.asarray(losses).reshape(-1, every).mean(axis=1).tolist()


def library_curve(who: cfgrl.Agent, data: cfgrl.Data, state: cfgrl.AgentState, updates: int, every: int) -> list[float]:
    """The same by `train_chunk`."""
    data, curve = jax.device_put(data), []
    for _ in range(updates // every):
        state, chunk = cfgrl.train_chunk(who, data, state, every)
        curve.append(float(chunk.metrics["main/guidance/loss"].mean()))
    return curve


def main() -> None:
    """Compare the two on real data where there is some, on random walks otherwise."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--updates", type=int, default=1000)
    parser.add_argument("--every", type=int, default=100)
    parser.add_argument("--data", help="folder with pointmaze-medium-navigate-v0.npz; random walks where not given")
    words = parser.parse_args()
    data = _data(words.data)
    who = agent((256, 256, 256), 256)
    state = cfgrl.init(who, data, key=jax.random.key(0))
    seconds = {}
    began = time.perf_counter()
    plain = plain_curve(data, state, words.updates, 256, words.every)
    seconds["plain loop"] = time.perf_counter() - began
    began = time.perf_counter()
    ours = library_curve(who, data, state, words.updates, words.every)
    seconds["train_chunk"] = time.perf_counter() - began
    apart = np.abs(np.array(ours) / np.array(plain) - 1)
    print(f"loss, 3 x 256, batch 256, {words.updates:,} updates: plain {plain[-1]:.4f}, library {ours[-1]:.4f}")
    print(f"largest difference of a mean over {words.every} updates: {100 * apart.max():.3f} %")
    for name, taken in seconds.items():
        print(f"{name:12} {words.updates / taken:7.0f} updates/s, compilation included")


def _data(folder: str | None) -> cfgrl.Data:
    if folder is not None:
        from cfgrl_plugins.datasets.ogbench import OGBench

        return OGBench(name="pointmaze-medium-navigate-v0", dir=folder).load()[0]
    rng = np.random.default_rng(0)
    actions = rng.uniform(-0.9, 0.9, (200, 101, 2))
    places = np.concatenate([np.zeros((200, 1, 2)), np.cumsum(actions, axis=1)[:, :-1]], axis=1)
    ends = np.zeros((200, 101))
    ends[:, -1] = 1
    return cfgrl.Data.from_arrays(places.reshape(-1, 2), actions.reshape(-1, 2), ends.ravel())


if __name__ == "__main__":
    main()
