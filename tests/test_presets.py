"""Every shipped preset is built, trained for two updates and acts, at a small size."""

import jax
import numpy as np
import pytest
from toys import walk

from cfgrl import Policy, from_preset, train
from cfgrl.config._registry import load_registries

SMALL = {"policy.network.hidden": [8], "policy.steps": 2, "train.batch_size": 4}


@pytest.mark.parametrize("name", sorted(load_registries().presets()))
def test_a_shipped_preset_trains_and_acts(name: str):
    agent, data = from_preset(name, SMALL), walk()
    state = train(agent, data, steps=2, key=jax.random.key(0))
    goal = {"goal": np.ones((3, 2))} if agent.takes_goal else {}
    action = Policy(agent, state, data.spec).act(np.zeros((3, 2)), **goal, key=jax.random.key(1))
    assert action.shape == (3, 2) and np.isfinite(action).all() and np.abs(action).max() <= 1
