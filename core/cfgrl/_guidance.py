"""`Guidance`: what do we *do* about the facts? Which loss in training, which sampler when acting.

π_w(a|s) ∝ π̂(a|s) · f(A(s,a))^w, or with a goal π̂(a|s) · p(g|s,a)^w. Classifier-free guidance samples that product from
one network: prediction = u + w·(c − u), u unconditional, c conditioned. AWR weights the loss instead; best-of-N picks
among samples; `unguided` does nothing, and is behaviour cloning.
"""

import abc
from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from cfgrl._label import Condition, Label
from cfgrl._policy import GenerativePolicy
from cfgrl._types import Field, Metrics

#: `(observation, target, context, which=...) -> (heads,)`; `None` where the labeler provides no critic.
Critic = Callable[..., Float[Array, " heads"]] | None


class Guidance(eqx.Module):
    """Base of all guidance. `needs` is the set of capabilities that labeler and policy must provide between them."""

    needs: ClassVar[frozenset[str]]
    #: Whether acting is integrating `field`. Not where samples are picked, or a mode is taken: guidance that wraps
    #: fields refuses those, and their densities are not known.
    steers: ClassVar[bool] = True
    #: What acting is at w = 0 and at w = 1, a few words each, for reports; empty where there is no dial.
    ends: ClassVar[tuple[str, str]] = ("", "")

    @property
    def weight(self) -> Any:
        """The dial's default: a field declared with `scalar()` where there is a dial, `None` where there is none."""
        return None

    def condition(self, label: Label) -> Condition:
        """What the network is told about a label in training, nothing nulled; its shapes decide the network's."""
        return Condition.of(label.context)

    def plain(self, context: PyTree[Array] | None) -> Condition:
        """The condition of the unguided policy: the context, and nothing about optimality."""
        return Condition.of(context)

    @abc.abstractmethod
    def loss(
        self,
        policy: Any,
        net: Any,
        observation: Float[Array, "batch *observation"],
        label: Label,
        critic: Critic,
        *,
        key: PRNGKeyArray,
    ) -> tuple[Float[Array, ""], Metrics]:
        """The training loss of a batch (leaves of `label` have a leading batch axis), and metrics."""

    def sample(
        self,
        policy: Any,
        net: Any,
        observation: Float[Array, "*observation"],
        context: PyTree[Array] | None,
        critic: Critic,
        weight: Any,
        *,
        key: PRNGKeyArray,
    ) -> Float[Array, " target"]:
        """One target from the improved policy π_w, unclipped: the end of `field` unless a subclass acts otherwise."""
        field = self.field(policy, net, observation, context, critic, weight)
        return policy.integrate(net, field, key=key)

    @abc.abstractmethod
    def field(
        self,
        policy: Any,
        net: Any,
        observation: Float[Array, "*observation"],
        context: PyTree[Array] | None,
        critic: Critic,
        weight: Any,
    ) -> Field:
        """The guided field; only where the policy is a `FieldPolicy`."""


def imitation_losses(
    policy: GenerativePolicy,
    net: Any,
    observation: Float[Array, "batch *observation"],
    target: Float[Array, "batch target"],
    condition: Condition,
    *,
    key: PRNGKeyArray,
) -> Float[Array, " batch"]:
    """The policy's loss of each example of a batch, each with noise of its own."""
    keys = jax.random.split(key, jnp.shape(target)[0])

    def one(observation: Array, target: Array, condition: Condition, key: PRNGKeyArray) -> Float[Array, ""]:
        return policy.loss(net, observation, target, condition, key=key)

    return jax.vmap(one)(observation, target, condition, keys)
