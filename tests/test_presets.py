"""Every shipped preset at a small size: it trains and acts, and resumes bit for bit in another process."""

import pathlib

import jax
import numpy as np
import pytest
import resume_in_child
from shrunk import PRESETS, covering, shrunk

from cfgrl import Policy
from cfgrl.testing._parts import ACTION, GOAL

COVERING = covering()


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The first halves, of another process, of presets in which every component is used."""
    assert 3 < len(COVERING) < len(PRESETS)
    folder = tmp_path_factory.mktemp("halves")
    resume_in_child.in_another_process(folder, "preset", COVERING)
    return folder


@pytest.mark.parametrize("name", PRESETS)
def test_a_shipped_preset_trains_acts_repeats_and_resumes(name: str, elsewhere: pathlib.Path):
    agent, data = shrunk(name)
    if name not in COVERING:
        resume_in_child.first_half(elsewhere, name, agent, data)
    whole = resume_in_child.check(elsewhere, name, agent, data)

    policy = Policy(agent, whole, data.spec)
    goal = {"goal": np.ones((3, GOAL))} if agent.takes_goal else {}
    *outer, last = data.columns["observations"].shape[1:]
    observation = np.zeros((3, *outer, last * agent.view.frame_stack), data.columns["observations"].dtype)
    action = policy.act(observation, **goal, key=jax.random.key(1))
    assert action.shape == ((3, ACTION) if agent.chunk == 1 else (3, agent.executed, ACTION))
    assert np.isfinite(action).all() and np.abs(action).max() <= 1


@pytest.mark.soak
def test_all_presets_resume_in_another_process(tmp_path: pathlib.Path):
    resume_in_child.in_another_process(tmp_path, "preset", PRESETS)
    for name in PRESETS:
        resume_in_child.check(tmp_path, name, *shrunk(name))
    print(f"\n{len(PRESETS)} presets resumed bit for bit in another process")


def test_the_presets_of_the_papers_are_there():
    assert set(PRESETS) >= {
        "awr", "bandit", "behaviour-cloning", "cfg-best-of-n", "cfgrl-exorl", "cfgrl-goal", "cfgrl-hierarchical",
        "cfgrl-offline", "cfgrl-visual", "demo", "diffusion-policy",
        "diffusion-ql", "energy", "flow-awr", "flow-bc", "flow-gcbc", "fql", "gcbc",
        "hierarchical-flow-gcbc", "idql",
    }  # fmt: skip
