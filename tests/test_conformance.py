"""Every registered component passes the checks of its family, and the checks catch what they are meant to catch."""

import itertools

import jax
import jax.numpy as jnp
import pytest

from cfgrl import Label
from cfgrl._component import load_class
from cfgrl.config._catalogue import load_catalogue
from cfgrl.testing import check_component, checks_for, parametrize_with_checks
from cfgrl_plugins.guidance.cfg import CFG
from cfgrl_plugins.guidance.unguided import Unguided
from cfgrl_plugins.labelers.behaviour import Behaviour
from cfgrl_plugins.labelers.goals import Goals
from cfgrl_plugins.labelers.iql import IQL
from cfgrl_plugins.policies.flow_matching import FlowMatching

pytestmark = pytest.mark.usefixtures("quick_compile")

FAMILIES = ("labelers", "policies", "guidance", "networks", "datasets")
#: Components that are another thing with other fields.
OTHERS = (IQL(goals=Goals()), CFG(nulls="optimality"), CFG(nulls="optimality", training="branches"))
ARGUMENTS = {
    "ogbench": {"name": "pointmaze-medium-navigate-v0"},
    "d4rl": {"name": "hopper-medium-v2"},
    "minari": {"name": "mine/episodes-v0"},
    "exorl": {"name": "walker-random-run"},
    "npz": {"file": "mine.npz"},
    "hdf5": {"file": "mine.hdf5"},
}


def registered():
    catalogue = load_catalogue()
    for family in FAMILIES:
        for name, entry in catalogue.entries(family).items():
            yield load_class(entry.component.target)(**ARGUMENTS.get(name, {}))
    yield from OTHERS


@parametrize_with_checks(list(registered()))
def test_registered_components_conform(component, check):
    check(component)


class Forgetful(Behaviour):
    """Draws from Python instead of the key."""

    count = itertools.count()

    def label(self, state, data, index, *, key):
        return Label(data.take(index)["actions"] + next(self.count))


class Liar(Behaviour):
    """Claims a goal."""

    provides = frozenset({"goal", "advantage"})


class Undocumented(Goals):
    """Says nothing about its field."""


class Deaf(FlowMatching):
    """Ignores the key: `network`, `steps`."""

    def sample(self, net, observation, condition, *, key):
        return super().sample(net, observation, condition, key=jax.random.key(0))


class Blind(FlowMatching):
    """Ignores the condition: `network`, `steps`."""

    def field(self, net, observation, condition):
        return super().field(net, observation, jax.tree.map(jnp.zeros_like, condition))


class Broken(Unguided):
    """Divides by zero."""

    def loss(self, policy, net, observation, label, critic, *, key):
        loss, metrics = super().loss(policy, net, observation, label, critic, key=key)
        return loss / 0.0, metrics


@pytest.mark.parametrize(
    ("bad", "check"),
    [
        (Forgetful, "labels_are_pure"),
        (Liar, "labels_match_what_is_provided"),
        (Undocumented, "documented"),
        (Deaf, "samples_depend_on_the_key_alone"),
        (Blind, "the_null_hides_the_context"),
        (Broken, "composes_and_trains"),
    ],
)
def test_a_bad_component_fails_the_check_meant_for_it(bad: type, check: str):
    with pytest.raises(AssertionError, match=check):
        check_component(bad)


def test_what_is_no_component_is_refused():
    with pytest.raises(TypeError, match="no component"):
        checks_for(int)
