"""`Guidance`: what do we *do* about the facts? Which loss in training, which sampler when acting.

π_w(a|s) ∝ π̂(a|s) · f(A(s,a))^w, or with a goal π̂(a|s) · p(g|s,a)^w. Classifier-free guidance samples that product from
one network: prediction = u + w·(c − u), u unconditional, c conditioned on an `Event`. AWR weights the loss instead;
best-of-N picks among samples; `unguided` does nothing, and is behaviour cloning.
"""

import abc
from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from cfgrl._label import Condition, Label
from cfgrl._types import Checked, Field, Metrics

#: `(observation, target, context, which=...) -> (heads,)`; `None` if the labeler provides no critic.
Critic = Callable[..., Float[Array, " heads"]] | None


class Given(eqx.Module):
    """What guidance works with: one example when acting, a batch (a leading axis) in training.

    **Arguments:**

    - `policy`, `net`: the stage's policy and the parameters that are trained or act.
    - `observation`: as the view shows it, shape `(*observation,)`, with a leading batch axis in training.
    - `context`: the goal or subgoal; `None` without one.
    - `critic`: the labeler's critic; `None` if it provides none.
    """

    policy: Any
    net: Any
    observation: Float[Array, "*batch_and_observation"]
    context: PyTree[Array] | None = None
    critic: Critic = None

    def field(self, condition: Condition) -> Field:
        """The policy's field under a condition; only for a `FieldPolicy`, and for one example."""
        return self.policy.field(self.net, self.observation, condition)


class Guidance(Checked):
    """Base of all guidance. `needs` is the set of capabilities that labeler and policy must provide between them."""

    needs: ClassVar[frozenset[str]]
    #: Whether acting is integrating `field`. False if samples are picked or a mode is taken: guidance that wraps
    #: fields refuses those, and their densities are not known.
    steers: ClassVar[bool] = True
    #: What acting is at w = 0 and at w = 1, in a few words for reports; empty without a dial.
    ends: ClassVar[tuple[str, str]] = ("", "")

    @property
    def weight(self) -> Any:
        """The dial's default: a field declared with `scalar()`, or `None` if there is no dial."""
        return None

    def condition(self, label: Label) -> Condition:
        """What the network sees of a label in training, nothing nulled; its shapes decide the network's."""
        return Condition.of(label.context)

    def plain(self, context: PyTree[Array] | None) -> Condition:
        """The condition of the unguided policy: the context, and nothing about optimality."""
        return Condition.of(context)

    @abc.abstractmethod
    def loss(self, given: Given, label: Label, *, key: PRNGKeyArray) -> tuple[Float[Array, ""], Metrics]:
        """The training loss of a batch, and metrics. Leaves of `given` and `label` have a leading batch axis."""

    def sample(self, given: Given, weight: Any, *, key: PRNGKeyArray) -> Float[Array, " target"]:
        """One target from the improved policy π_w, unclipped: the end of `field` unless a subclass acts otherwise."""
        return given.policy.integrate(given.net, self.field(given, weight), key=key)

    @abc.abstractmethod
    def field(self, given: Given, weight: Any) -> Field:
        """The guided field at weight w; only for a `FieldPolicy`."""


def imitation_losses(
    given: Given, target: Float[Array, "batch target"], condition: Condition, *, key: PRNGKeyArray
) -> Float[Array, " batch"]:
    """The policy's loss of each example of a batch, each with its own noise."""
    keys = jax.random.split(key, jnp.shape(target)[0])

    def one(observation: Array, target: Array, condition: Condition, key: PRNGKeyArray) -> Float[Array, ""]:
        return given.policy.loss(given.net, observation, target, condition, key=key)

    return jax.vmap(one)(given.observation, target, condition, keys)


class Event(Checked):
    """What classifier-free guidance conditions on, and raises the probability of: a goal, or optimality o.

    Guidance trains in one of two forms, and `provides` says which an event serves:

    - `marks`: each example is marked with its own o, which is nulled at random; acting asks for `wanted`;
    - `factor`: each example passes the branch "o is wanted" with a loss scaled by f(A), and the branch "o unknown".

    By default the event is an o made of the label's advantage A: it is nulled, and a goal stays known.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"advantage"})
    provides: ClassVar[frozenset[str]]

    @property
    def wanted(self) -> Float[Array, " c"] | None:
        """The mark that acting asks for; only if `marks` is provided, and `None` if the event is part of the label."""
        raise TypeError(f"{type(self).__name__} marks no examples; check `provides` before asking for `wanted`.")

    def marks(self, label: Label, *, key: PRNGKeyArray) -> Float[Array, "batch c"] | None:
        """The mark of each example of a batch; only if `marks` is provided."""
        raise TypeError(f"{type(self).__name__} marks no examples; check `provides` before calling it.")

    def factor(self, label: Label, *, key: PRNGKeyArray) -> Float[Array, " batch"]:
        """f(A) of each example of a batch; only if `factor` is provided."""
        raise TypeError(f"{type(self).__name__} has no factor; check `provides` before calling it.")

    def condition(self, context: PyTree[Array] | None, mark: Float[Array, " c"] | None, known: Any) -> Condition:
        """The condition in which the event, with this mark, is known or not; `known` may be traced."""
        return Condition(context, jnp.asarray(True), mark, jnp.asarray(known, dtype=bool))

    def unguided(self, context: PyTree[Array] | None, mark: Float[Array, " c"] | None) -> Condition:
        """The condition of the policy without guidance: it heads for a goal, and knows nothing about optimality."""
        return self.condition(context, mark, False)

    def metrics(self, label: Label) -> Metrics:
        """What to log about a batch of labels."""
        advantage: Any = label.advantage
        positive = jnp.mean((advantage > 0).astype(jnp.float32))
        return {"advantage": jnp.mean(advantage), "positive_share": positive}
