"""Checks that nothing random or counted by Python gets into what is compiled.

Each method is traced twice. What Python draws or counts is a constant of the program, so that two programs differ.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from cfgrl._label import Label
from cfgrl.testing._check import Check, provides, rule
from cfgrl.testing._guidance import given_to
from cfgrl.testing._labeler import scorer
from cfgrl.testing._parts import ACTION, GOAL, traces_alike
from cfgrl.testing._policy import CONDITION, SEEN, TARGET, net_of

KEY = jax.random.key(0)


def _demand(alike: bool, method: str) -> None:
    assert alike, f"a second trace of `{method}` gives another program; draw from `key` only, and keep no Python state"


@rule()
def policies_draw_from_the_key_only(policy: Any) -> None:
    """Traced twice, `loss` and `sample` (and `mode` and `log_prob`) give the same programs."""
    net = net_of(policy)
    _demand(traces_alike(lambda n: policy.loss(n, SEEN, TARGET, CONDITION, key=KEY), net), "loss")
    _demand(traces_alike(lambda n: policy.sample(n, SEEN, CONDITION, key=KEY), net), "sample")
    if "mode" in policy.provides:
        _demand(traces_alike(lambda n: policy.mode(n, SEEN, CONDITION), net), "mode")
    if "log-prob" in policy.provides:
        _demand(traces_alike(lambda n: policy.log_prob(n, SEEN, CONDITION, TARGET), net), "log_prob")


@rule()
def guidance_draws_from_the_key_only(guidance: Any) -> None:
    """Traced twice, `loss` and `sample` give the same programs."""
    one, batch = given_to(guidance), given_to(guidance, (2,))
    label = jax.vmap(Label)(jnp.zeros((2, ACTION)), jnp.ones((2, GOAL)), jnp.array([0.1, -0.1]))
    with_net = lambda given, net: eqx.tree_at(lambda g: g.net, given, net)  # noqa: E731
    _demand(traces_alike(lambda n: guidance.loss(with_net(batch, n), label, key=KEY), one.net), "loss")
    _demand(traces_alike(lambda n: guidance.sample(with_net(one, n), guidance.weight, key=KEY), one.net), "sample")


@rule()
def networks_draw_nothing(network: Any) -> None:
    """Traced twice, a network gives the same program."""
    net = network.init(5, 3, key=KEY)
    _demand(traces_alike(lambda n: n(jnp.ones(5)), net), "__call__")


@rule(provides("critic"))
def critics_draw_nothing(labeler: Any) -> None:
    """Traced twice, a critic gives the same program."""
    score, target = scorer(labeler, "online")
    _demand(traces_alike(score, target), "critic")


POLICY_CHECKS: tuple[Check, ...] = (policies_draw_from_the_key_only,)
GUIDANCE_CHECKS: tuple[Check, ...] = (guidance_draws_from_the_key_only,)
NETWORK_CHECKS: tuple[Check, ...] = (networks_draw_nothing,)
LABELER_CHECKS: tuple[Check, ...] = (critics_draw_nothing,)
