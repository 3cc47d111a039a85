"""Every shipped preset at a small size: it trains and acts, and resumes bit for bit in another process."""

import pathlib

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import resume_in_child
from shrunk import PRESETS, covering, shrunk

from cfgrl import AgentState, Data, Policy, init
from cfgrl._update import update
from cfgrl.testing._parts import ACTION, GOAL

COVERING = covering()


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The first halves, of another process, of presets in which every component is used."""
    assert 3 < len(COVERING) < len(PRESETS)
    folder = tmp_path_factory.mktemp("first-halves")
    resume_in_child.in_another_process(folder, "preset", COVERING)
    return folder


@pytest.mark.parametrize("name", COVERING)
def test_a_shipped_preset_trains_acts_repeats_and_resumes(name: str, elsewhere: pathlib.Path):
    agent, data = shrunk(name)
    whole = resume_in_child.check(elsewhere, name, agent, data)

    acts(name, whole, data)


def acts(name: str, state: AgentState, data: Data) -> None:
    """Finite actions within [-1, 1], in the shape that the agent's chunks have."""
    agent, _ = shrunk(name)
    policy = Policy(agent, state, data.spec)
    goal = {"goal": np.ones((3, GOAL))} if agent.takes_goal else {}
    *outer, last = data.columns["observations"].shape[1:]
    observation = np.zeros((3, *outer, last * agent.view.frame_stack), data.columns["observations"].dtype)
    action = policy.act(observation, **goal, key=jax.random.key(1))
    assert action.shape == ((3, ACTION) if agent.chunk == 1 else (3, agent.executed, ACTION))
    assert np.isfinite(action).all() and np.abs(action).max() <= 1


@pytest.mark.parametrize("name", [name for name in PRESETS if name not in COVERING])
def test_the_other_presets_compose_and_update(name: str):
    """By shapes alone, with nothing compiled: every component that they use is trained above."""
    agent, data = shrunk(name)

    def once(key: jax.Array) -> AgentState:
        return update(agent, data, init(agent, data, key=key))[0]

    state = eqx.filter_eval_shape(once, jax.random.key(0))
    before = eqx.filter_eval_shape(lambda key: init(agent, data, key=key), jax.random.key(0))
    assert jax.tree.map(jnp.shape, state) == jax.tree.map(jnp.shape, before), "an update changes values, not shapes"


@pytest.mark.soak
def test_all_presets_resume_in_another_process(tmp_path: pathlib.Path):
    resume_in_child.in_another_process(tmp_path, "preset", PRESETS)
    for name in PRESETS:
        agent, data = shrunk(name)
        acts(name, resume_in_child.check(tmp_path, name, agent, data), data)
    print(f"\n{len(PRESETS)} presets resumed bit for bit in another process")


def test_the_presets_of_the_papers_are_there():
    assert set(PRESETS) >= {
        "awr", "bandit", "behaviour-cloning", "cfg-best-of-n", "cfgrl-exorl", "cfgrl-goal", "cfgrl-hierarchical",
        "cfgrl-offline", "cfgrl-visual", "demo", "diffusion-policy",
        "diffusion-ql", "energy", "flow-awr", "flow-bc", "flow-gcbc", "fql", "gcbc",
        "hierarchical-flow-gcbc", "idql",
    }  # fmt: skip
