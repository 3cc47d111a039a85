"""Diffusion-QL's bandit: which methods find the best of four modes, and what the guidance weight does.

Every method trains on the same 10,000 logged actions and is asked for 1,000. Prints the share of them within 0.2 of
each mode and their expected reward; with `--out` draws them too. One seed; about ten minutes of processor time.

Diffusion-QL has its paper's T = 50, η = 2.5 and batches of 100, and as all others three layers of 128. Departures, to
fit the minutes: a few thousand updates with a large step size that falls to zero, where the paper's code makes many
more at 3e-4; and critics have LayerNorm, without which so short a training leaves a Q that still rises beyond the data.

    python benchmarks/bandit.py [--scale 1.0] [--out docs/figures/bandit.png]
"""

import argparse
import concurrent.futures
import pathlib
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np

import cfgrl
from cfgrl import nn
from cfgrl_plugins.datasets.bandit import CENTRES, REACH, REWARDS, Bandit, expected_rewards
from cfgrl_plugins.guidance.awr import AWR
from cfgrl_plugins.guidance.best_of_n import BestOfN
from cfgrl_plugins.guidance.cfg import CFG
from cfgrl_plugins.guidance.energy import Energy
from cfgrl_plugins.guidance.events import Bernoulli, Binary
from cfgrl_plugins.guidance.q_gradient import QGradient
from cfgrl_plugins.guidance.unguided import Unguided
from cfgrl_plugins.labelers.behaviour import Behaviour
from cfgrl_plugins.labelers.iql import IQL
from cfgrl_plugins.labelers.q_learning import QLearning
from cfgrl_plugins.policies.ddpm import DDPM
from cfgrl_plugins.policies.flow_matching import FlowMatching
from cfgrl_plugins.policies.gaussian import Gaussian

BATCH, SAMPLES = 100, 1_000
# Of type Any because a hyperparameter that becomes an array takes a number, which its annotation does not say.
RATE: Any = 4e-3
CRITIC_RATE: Any = 1e-3
ETA: Any = 2.5
SHARPNESS: Any = 1.0
NET = nn.MLP(hidden=(128, 128, 128), activation="mish")
CRITIC_NET = nn.MLP(hidden=(128, 128, 128), activation="mish", layer_norm="after")
IQL_CRITIC = IQL(network=CRITIC_NET, learning_rate=CRITIC_RATE)
Q_CRITIC = QLearning(network=CRITIC_NET, learning_rate=CRITIC_RATE)
GAUSSIAN, FLOW = Gaussian(NET, deviation="learned"), FlowMatching(NET, steps=16)
DIFFUSION = DDPM(NET, steps=50)
DIAL = (0.0, 0.5, 1.0, 3.0, 10.0)


class Method(NamedTuple):
    """Three parts, and how the trained network is asked.

    **Arguments:**

    - `parts`: labeler, policy and guidance.
    - `weights`: guidance weights to sample at; `None` where there is no dial.
    - `acting`: guidance by panel title that acts in place of the one trained with, where one network serves several.
    - `updates`: of the training.
    """

    parts: tuple[cfgrl.Labeler, cfgrl.GenerativePolicy, cfgrl.Guidance]
    weights: tuple[float | None, ...] = (None,)
    acting: Mapping[str, cfgrl.Guidance] = {}
    updates: int = 4_000


METHODS = {
    "Gaussian, cloned": Method((Behaviour(), GAUSSIAN, Unguided())),
    "diffusion, cloned": Method((Behaviour(), DIFFUSION, Unguided())),
    "Gaussian, Diffusion-QL's loss": Method((Q_CRITIC, GAUSSIAN, QGradient(eta=ETA))),
    # Fewer, since each passes through all 50 steps of the sampler, there and back.
    "Diffusion-QL": Method((Q_CRITIC, DIFFUSION, QGradient(eta=ETA)), updates=1_500),
    "Gaussian, AWR": Method((IQL_CRITIC, GAUSSIAN, AWR(inverse_temperature=SHARPNESS))),
    "flow, AWR": Method((IQL_CRITIC, FLOW, AWR(inverse_temperature=SHARPNESS))),
    "flow": Method(
        (IQL_CRITIC, FLOW, Unguided()),
        acting={"flow, best of 4": BestOfN(samples=4), "flow, best of 64": BestOfN(), "flow, energy w = 1": Energy()},
    ),
    "CFGRL, hard labels": Method((IQL_CRITIC, FLOW, CFG(event=Binary())), DIAL),
    "CFGRL, soft labels": Method((IQL_CRITIC, FLOW, CFG(event=Bernoulli())), DIAL),
}


class Panel(NamedTuple):
    """Samples of shape `(n, 2)` and what they are samples of."""

    title: str
    actions: np.ndarray

    @property
    def shares(self) -> np.ndarray:
        """Share of the samples within `REACH` of each mode, shape `(4,)`."""
        distances = np.linalg.norm(self.actions[:, None] - CENTRES, axis=-1)
        return (distances <= REACH).mean(axis=0)

    @property
    def reward(self) -> float:
        """Mean of the expected rewards."""
        return float(expected_rewards(self.actions).mean())


def train(method: Method, data: cfgrl.Data, seed: int = 0) -> tuple[cfgrl.Agent, cfgrl.AgentState]:
    """One agent on the bandit."""
    optimizer = cfgrl.Optimizer(learning_rate=RATE, decay_steps=method.updates)
    agent = cfgrl.Agent(cfgrl.Stage(*method.parts, optimizer), batch_size=BATCH)
    # One chunk, since another length would be compiled again.
    key = jax.random.key(seed)
    return agent, cfgrl.train(agent, data, steps=method.updates, key=key, chunk=method.updates)


def panels(name: str, method: Method, data: cfgrl.Data) -> list[Panel]:
    """Samples of an agent that is trained here, at every weight and by every guidance that the method names."""
    agent, state = train(method, data)
    found = []
    for title, guidance in (method.acting or {name: method.parts[2]}).items():
        acting = eqx.tree_at(lambda a: a.stages[0].guidance, agent, guidance)
        policy = cfgrl.Policy(acting, state, data.spec)
        for weight in method.weights:
            actions = policy.act(np.zeros((SAMPLES, 1)), weight=weight, key=jax.random.key(1))
            found.append(Panel(title if weight is None else f"{title}, w = {weight:g}", np.asarray(actions)))
    return found


def table(rows: Sequence[Panel]) -> str:
    """Shares and expected rewards as text."""
    corners = " ".join(f"({x:+.1f}, {y:+.1f})" for x, y in CENTRES)
    lines = [f"{'':<32} {corners}   none  reward"]
    for row in rows:
        shares = " ".join(f"{share:12.2f}" for share in row.shares)
        lines.append(f"{row.title:<32} {shares} {1 - row.shares.sum():6.2f} {row.reward:7.2f}")
    return "\n".join(lines)


def draw(rows: Sequence[Panel], out: pathlib.Path, columns: int = 5) -> None:
    """All panels on one page, in reading order."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    count = -(-len(rows) // columns)
    figure = Figure(figsize=(1.9 * columns, 2.15 * count), dpi=100, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    layout: Any = figure.get_layout_engine()
    layout.set(h_pad=0.08, w_pad=0.04)
    grid: Any = figure.subplots(count, columns, sharex=True, sharey=True, squeeze=False)
    for axes in grid.flat[len(rows) :]:
        axes.set_visible(False)
    for axes, row in zip(grid.flat, rows, strict=False):
        _panel(axes, row, labelled=row is rows[0])
    out.parent.mkdir(parents=True, exist_ok=True)
    canvas.draw()
    # So few colours need no more than a palette, a third of the bytes.
    Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB").quantize(64).save(out, optimize=True)


def _panel(axes: Any, row: Panel, *, labelled: bool) -> None:
    from matplotlib.patches import Circle

    paid = expected_rewards(row.actions) == REWARDS.max()
    for chosen, ink in ((~paid, "#4c5a67"), (paid, "#c24e00")):
        axes.plot(*row.actions[chosen].T, "o", ms=1.8, mew=0, color=ink, alpha=0.25)
    for centre, reward in zip(CENTRES, REWARDS, strict=True):
        axes.add_patch(Circle(tuple(centre), REACH, fill=False, lw=0.6, color="#9aa3ad"))
        if labelled:
            axes.text(centre[0] * 0.9, centre[1] * 0.5, f"pays {reward:g}", ha="center", va="center", fontsize=8)
    axes.set_title(f"{row.title}\nreward {row.reward:.2f}", fontsize=8, linespacing=1.3)
    axes.set(xlim=(-1.12, 1.12), ylim=(-1.12, 1.12), xticks=(-0.8, 0, 0.8), yticks=(-0.8, 0, 0.8), aspect="equal")
    axes.tick_params(labelsize=7, length=2)
    for spine in axes.spines.values():
        spine.set_linewidth(0.6)


def main() -> None:
    """Train every method, print the table, draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="times the updates of each method")
    parser.add_argument("--out", type=pathlib.Path, metavar="PNG", help="draw the samples into this file")
    words = parser.parse_args()
    began = time.perf_counter()
    data = Bandit().load()[0]
    logged = data.columns["actions"][data.transitions]
    found = [Panel("data", np.asarray(logged[:SAMPLES]))]

    def one(name: str) -> list[Panel]:
        method = METHODS[name]._replace(updates=round(METHODS[name].updates * words.scale))
        drawn = panels(name, method, data)
        print(f"[{time.perf_counter() - began:4.0f} s] {name}", flush=True)
        return drawn

    # Two at a time: while one compiles, which takes a single core, another trains.
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for drawn in pool.map(one, METHODS):
            found += drawn
    print(table(found))
    if words.out is not None:
        draw(found, words.out)
        print(f"{words.out}: {words.out.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
