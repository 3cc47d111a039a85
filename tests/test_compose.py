"""Every labeler × policy × guidance composes or is refused, and what composes trains and acts.

`make test` trains a set in which every pair of parts that can meet does meet; `make soak` trains all. Whether three
parts compose is decided here a second time, by sentences about methods instead of names of capabilities.
"""

import itertools

import chex
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cfgrl import Agent, ConfigError, Stage, act_rows, init, nn, train_chunk
from cfgrl.testing._parts import ACTION, GOAL, OBSERVATION, example_data
from cfgrl_plugins.guidance.awr import AWR
from cfgrl_plugins.guidance.best_of_n import BestOfN
from cfgrl_plugins.guidance.cfg import CFG
from cfgrl_plugins.guidance.energy import Energy
from cfgrl_plugins.guidance.q_gradient import QGradient
from cfgrl_plugins.guidance.unguided import Unguided
from cfgrl_plugins.labelers.behaviour import Behaviour
from cfgrl_plugins.labelers.goals import Goals
from cfgrl_plugins.labelers.iql import IQL
from cfgrl_plugins.labelers.q_learning import QLearning
from cfgrl_plugins.labelers.subgoals import Subgoals
from cfgrl_plugins.policies.ddpm import DDPM
from cfgrl_plugins.policies.flow_matching import FlowMatching
from cfgrl_plugins.policies.gaussian import Gaussian
from cfgrl_plugins.policies.one_step import OneStep

pytestmark = pytest.mark.usefixtures("quick_compile")

NET = nn.MLP(hidden=(6,))
LABELERS = {
    "behaviour": Behaviour(),
    "goals": Goals(),
    "subgoals": Subgoals(steps=2),
    "iql": IQL(NET),
    "iql-goals": IQL(NET, goals=Goals()),
    "q-learning": QLearning(NET, max_q_backup=2),
}
POLICIES = {
    "flow-matching": FlowMatching(NET, steps=2),
    "ddpm": DDPM(NET, steps=2),
    "gaussian": Gaussian(NET),
    "one-step": OneStep(NET, steps=2),
}
GUIDANCE = {
    "unguided": Unguided(),
    "unguided-mode": Unguided(act="mode"),
    "cfg-goal": CFG(),
    "cfg-optimality": CFG(nulls="optimality", optimality="levels"),
    "cfg-branches": CFG(nulls="optimality", training="branches", optimality="exponential"),
    "awr": AWR(),
    "awr-mode": AWR(act="mode"),
    "q-gradient": QGradient(),
    "best-of-n": BestOfN(samples=2, pick="softmax"),
    "best-of-n-cfg": BestOfN(CFG(), samples=2),
    "energy": Energy(),
    "energy-cfg": Energy(inner=CFG(nulls="optimality")),
}
ALL = list(itertools.product(LABELERS, POLICIES, GUIDANCE))
FIELDS, MODES = {"flow-matching", "ddpm"}, {"gaussian"}
REACHES, LEARNS = {"goals", "subgoals", "iql-goals"}, {"iql", "iql-goals"}
SCORES = LEARNS | {"q-learning"}


def can(labeler: str, policy: str, guidance: str) -> bool:
    """Whether the three can work together, by what each method is."""
    if guidance in ("cfg-goal", "best-of-n-cfg") and labeler not in REACHES:
        return False  # no goal to null
    if guidance in ("cfg-optimality", "cfg-branches", "awr", "awr-mode", "energy-cfg") and labeler not in LEARNS:
        return False  # no advantage to speak of
    if guidance in ("q-gradient", "best-of-n", "best-of-n-cfg", "energy", "energy-cfg") and labeler not in SCORES:
        return False  # nobody to score a proposal
    if ("cfg" in guidance or "energy" in guidance) and policy not in FIELDS:
        return False  # no field to combine or tilt
    return not guidance.endswith("-mode") or policy in MODES


def stage(labeler: str, policy: str, guidance: str) -> Stage:
    return Stage(LABELERS[labeler], POLICIES[policy], GUIDANCE[guidance])


def cover(triples):
    """Some of the triples, in which each pair of parts of any of them is found: the greedy choice, in a fixed order."""

    def pairs(triple):
        return set(itertools.combinations(enumerate(triple), 2))

    wanted, chosen = set().union(*map(pairs, triples)), []
    while wanted:
        best = max(triples, key=lambda triple: len(pairs(triple) & wanted))
        chosen.append(best)
        wanted -= pairs(best)
    return chosen


VALID = [triple for triple in ALL if can(*triple)]
COVER = cover(VALID)


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
    agent, data = Agent(stage(*triple), batch_size=6), example_data()
    if triple[0] == "subgoals":  # its targets are no actions: a second stage makes actions of them
        low = Stage(Goals("offset", steps=2), FlowMatching(NET, steps=1), Unguided(), name="low")
        agent = Agent((agent.stages[0], low), batch_size=6)
    state = eqx.filter_jit(init)(agent, data, key=jax.random.key(0))
    before = jax.tree.map(np.asarray, eqx.filter(state.stages[0].net, eqx.is_array))
    state, chunk = train_chunk(agent, data, state, 2)
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


def test_a_second_stage_that_would_not_listen_is_refused():
    high = Stage(Subgoals(), FlowMatching(NET), Unguided(), name="high")
    low = Stage(Behaviour(), FlowMatching(NET), Unguided(), name="low")
    with pytest.raises(ConfigError, match="'low' would ignore what stage 'high' generates: its labeler Behaviour"):
        Agent((high, low))
