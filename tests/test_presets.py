"""Every shipped preset at a small size: it trains and acts, and resumes bit for bit in another process."""

import pathlib

import halves
import jax
import numpy as np
import pytest
from shrunk import PRESETS, covering, shrunk

from cfgrl import Policy
from cfgrl.testing._parts import ACTION, GOAL

pytestmark = pytest.mark.usefixtures("quick_compile")


@pytest.mark.parametrize("name", PRESETS)
def test_a_shipped_preset_trains_acts_repeats_and_resumes(name: str, tmp_path: pathlib.Path):
    agent, data = shrunk(name)
    halves.first_half(tmp_path, name, agent, data)
    whole = halves.check(tmp_path, name, agent, data)

    policy = Policy(agent, whole, data.spec)
    goal = {"goal": np.ones((3, GOAL))} if agent.takes_goal else {}
    *outer, last = data.columns["observations"].shape[1:]
    observation = np.zeros((3, *outer, last * agent.view.frame_stack), data.columns["observations"].dtype)
    action = policy.act(observation, **goal, key=jax.random.key(1))
    assert action.shape == ((3, ACTION) if agent.chunk == 1 else (3, agent.executed, ACTION))
    assert np.isfinite(action).all() and np.abs(action).max() <= 1


def resume_what_another_process_began(folder: pathlib.Path, names: list[str]) -> None:
    halves.in_another_process(folder, "preset", names)
    for name in names:
        halves.check(folder, name, *shrunk(name))
    print(f"\n{len(names)} presets resumed bit for bit in another process")


def test_presets_that_use_every_component_resume_in_another_process(tmp_path: pathlib.Path):
    names = covering()
    assert 3 < len(names) < len(PRESETS)
    resume_what_another_process_began(tmp_path, names)


@pytest.mark.soak
def test_all_presets_resume_in_another_process(tmp_path: pathlib.Path):
    resume_what_another_process_began(tmp_path, PRESETS)


def test_the_presets_of_the_papers_are_there():
    assert set(PRESETS) >= {
        "awr", "bandit", "behaviour-cloning", "cfg-best-of-n", "cfgrl-exorl", "cfgrl-goal", "cfgrl-hierarchical",
        "cfgrl-offline", "cfgrl-visual", "demo", "diffusion-policy",
        "diffusion-ql", "energy", "flow-awr", "flow-bc", "flow-gcbc", "fql", "gcbc",
        "hierarchical-flow-gcbc", "idql",
    }  # fmt: skip
