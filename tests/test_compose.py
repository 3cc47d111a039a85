"""Every labeler × policy × guidance composes or is refused, and what composes trains and acts.

`make test` trains a set in which every pair of parts that can meet does meet; `make soak` trains all, and resumes all
in another process.
"""

import pathlib

import chex
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import resume_in_child
from combinations import ALL, COVER, NET, VALID, can, combined, stage

from cfgrl import Agent, ConfigError, Stage, act_rows, train_chunk
from cfgrl.testing._parts import ACTION, GOAL, OBSERVATION
from cfgrl_plugins.guidance.unguided import Unguided
from cfgrl_plugins.labelers.behaviour import Behaviour
from cfgrl_plugins.labelers.subgoals import Subgoals
from cfgrl_plugins.policies.flow_matching import FlowMatching


def test_exactly_what_can_work_together_composes():
    composed = []
    for triple in ALL:
        try:
            stage(*triple)
        except ConfigError:
            continue
        composed.append(triple)
    assert composed == VALID
    assert 60 < len(VALID) < len(ALL) / 2


@pytest.mark.parametrize(
    ("triple", "sentence"),
    [
        (("behaviour", "flow-matching", "cfg-goal"), "needs 'goal'.*Behaviour provides nothing.*Choose a labeler"),
        (("iql", "flow-matching", "cfg-goal"), "needs 'goal' .* from the labeler, but labeler IQL provides advantage"),
        (("goals", "flow-matching", "cfg-optimality"), "needs 'advantage'.*nothing to weight by.*Goals provides goal"),
        (("goals", "flow-matching", "awr"), "AWR cannot work.*needs 'advantage'"),
        (("iql", "gaussian", "cfg-optimality"), "needs 'field'.*Gaussian provides log-prob, mode.*Choose a policy"),
        (("q-learning", "one-step", "energy"), "needs 'field'.*OneStep provides nothing"),
        (("iql", "flow-matching", "awr-mode"), "needs 'mode' .*a most likely action.*from the policy"),
        (("behaviour", "ddpm", "unguided-mode"), "needs 'mode'"),
        (("goals", "ddpm", "q-gradient"), "needs 'critic' .*can score a proposed action.*from the labeler"),
        (("goals", "ddpm", "best-of-n"), "needs 'critic'"),
        (("q-learning", "flow-matching", "energy-cfg"), "needs 'advantage'"),
        (("behaviour", "gaussian", "best-of-n-cfg"), "needs 'critic'.*also it needs 'field'.*also it needs 'goal'"),
    ],
)
def test_a_refusal_says_what_is_missing_and_who_would_give_it(triple: tuple[str, str, str], sentence: str):
    assert not can(*triple)
    with pytest.raises(ConfigError, match=sentence):
        stage(*triple)


def trains_and_acts(triple: tuple[str, str, str]) -> None:
    """Two updates change the parameters, everything stays finite, and acting at three weights compiles once."""
    agent, data = combined("+".join(triple))
    state = resume_in_child.start(agent, data)
    before = jax.tree.map(np.asarray, eqx.filter(state.stages[0].net, eqx.is_array))
    state, chunk = train_chunk(agent, data, state, 2, capacity=resume_in_child.CAPACITY)
    assert int(chunk.first_bad) == -1
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(eqx.filter(state.stages, eqx.is_inexact_array)))
    assert not eqx.tree_equal(before, eqx.filter(state.stages[0].net, eqx.is_array))
    goal = jnp.ones((2, GOAL)) if agent.takes_goal else None
    chex.clear_trace_counter()
    once = eqx.filter_jit(chex.assert_max_traces(act_rows.__wrapped__, n=1))
    for weight in (0.0, 1.0, 2.5) if agent.has_dial else (0.0,):
        keys = jax.random.split(jax.random.key(1), 2)
        dial = jnp.full((2,), weight) if agent.has_dial else None
        action = once(agent, state, jnp.ones((2, OBSERVATION)), goal, dial, keys)
        assert action.shape == (2, ACTION)
        assert np.isfinite(action).all() and np.abs(action).max() <= 1


@pytest.mark.parametrize("triple", COVER, ids="+".join)
def test_every_pair_of_parts_trains_and_acts_together(triple: tuple[str, str, str]):
    trains_and_acts(triple)


@pytest.mark.soak
@pytest.mark.parametrize("triple", [triple for triple in VALID if triple not in COVER], ids="+".join)
def test_all_that_composes_trains_and_acts(triple: tuple[str, str, str]):
    trains_and_acts(triple)


@pytest.mark.soak
def test_all_that_composes_resumes_in_another_process(tmp_path: pathlib.Path):
    names = ["+".join(triple) for triple in VALID]
    resume_in_child.in_another_process(tmp_path, "combination", names)
    for name in names:
        resume_in_child.check(tmp_path, name, *combined(name))
        jax.clear_caches()  # a process of many programs has too many memory maps for the compiler
    print(f"\n{len(names)} combinations resumed bit for bit in another process")


def test_a_second_stage_that_would_not_listen_is_refused():
    high = Stage(Subgoals(), FlowMatching(NET), Unguided(), name="high")
    low = Stage(Behaviour(), FlowMatching(NET), Unguided(), name="low")
    with pytest.raises(ConfigError, match="'low' would ignore what stage 'high' generates: its labeler Behaviour"):
        Agent((high, low))
