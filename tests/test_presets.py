"""Every shipped preset at a small size: it trains and acts, repeats itself bit for bit, and resumes bit for bit."""

import pathlib
from typing import Any

import equinox as eqx
import jax
import numpy as np
import pytest
from toys import assert_same_bits

from cfgrl import Agent, Data, Policy, from_preset, init, train_chunk
from cfgrl.config._registry import load_registries
from cfgrl.config._tables import flatten
from cfgrl.runs import _checkpoint
from cfgrl.testing._parts import ACTION, GOAL, example_data

pytestmark = pytest.mark.usefixtures("quick_compile")

REGISTRIES = load_registries()
PRESETS = sorted(REGISTRIES.presets())
#: What stands in for a large value of a key, by the key's last part.
SMALL = {"hidden": [8], "samples": 2, "every": 2, "start": 1, "batch_size": 4}
#: The number of sampling steps, but not of training.
STEPS = ("policy.steps", "policy.time_grid")


def small(name: str) -> dict[str, Any]:
    """Overrides that make a preset small."""
    keys = dict(flatten(REGISTRIES.resolve(name, []).table))
    found: dict[str, Any] = {key: SMALL[key.split(".")[-1]] for key in keys if key.split(".")[-1] in SMALL}
    found = {key: value for key, value in found.items() if not key.startswith(("checkpoint", "eval"))}
    found |= {key: 2 for key in keys if key.endswith(STEPS)}
    if any(key == "policy.network.use" and value == "residual-mlp" for key, value in keys.items()):
        found |= {"policy.network.width": 8, "policy.network.blocks": 1}
    if keys.get("policy.network.use") == "impala-small":
        found |= {"policy.network.stacks": [2, 2], "policy.network.code": 8}
    return found


def data_for(agent: Agent) -> Data:
    """Small data, of pictures where the view moves pictures."""
    data = example_data()
    if agent.view.augment == "none":
        return data
    pictures = np.random.default_rng(0).integers(0, 256, (data.last.shape[0], 8, 8, 3)).astype(np.uint8)
    return Data({**data.columns, "observations": pictures}, data.last, data.transitions)


@pytest.mark.parametrize("name", PRESETS)
def test_a_shipped_preset_trains_acts_repeats_and_resumes(name: str, tmp_path: pathlib.Path):
    agent = from_preset(name, small(name))
    data = data_for(agent)
    start = eqx.filter_jit(lambda: init(agent, data, key=jax.random.key(0)))

    halfway, _ = train_chunk(agent, data, start(), 2)
    _checkpoint.save(tmp_path, 2, halfway, keep=1)
    whole, chunk = train_chunk(agent, data, halfway, 2)
    assert int(chunk.first_bad) == -1
    again, _ = train_chunk(agent, data, train_chunk(agent, data, start(), 2)[0], 2)
    assert_same_bits(again, whole)
    saved = _checkpoint.restore(tmp_path, 2, eqx.filter_eval_shape(start))
    resumed, _ = train_chunk(agent, data, saved, 2)
    assert_same_bits(resumed, whole)

    policy = Policy(agent, whole, data.spec)
    goal = {"goal": np.ones((3, GOAL))} if agent.takes_goal else {}
    *outer, last = data.columns["observations"].shape[1:]
    observation = np.zeros((3, *outer, last * agent.view.frame_stack), data.columns["observations"].dtype)
    action = policy.act(observation, **goal, key=jax.random.key(1))
    assert action.shape == ((3, ACTION) if agent.chunk == 1 else (3, agent.executed, ACTION))
    assert np.isfinite(action).all() and np.abs(action).max() <= 1


def test_the_presets_of_the_papers_are_there():
    assert set(PRESETS) >= {
        "awr", "bandit", "behaviour-cloning", "cfg-best-of-n", "cfgrl-exorl", "cfgrl-goal", "cfgrl-hierarchical",
        "cfgrl-offline", "cfgrl-visual", "demo", "diffusion-policy",
        "diffusion-ql", "energy", "flow-awr", "flow-bc", "flow-gcbc", "fql", "gcbc",
        "hierarchical-flow-gcbc", "idql",
    }  # fmt: skip
