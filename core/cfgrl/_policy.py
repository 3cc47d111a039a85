"""`GenerativePolicy`: how are actions generated? `FieldPolicy`: those that guidance can steer.

A policy sees one example at a time; `vmap` is outside. Its parameters (`net`) are passed in; the module itself holds
hyperparameters only.
"""

import abc
from typing import Any, ClassVar

from jaxtyping import Array, Float, PRNGKeyArray

from cfgrl._label import Condition
from cfgrl._types import Checked, Field, Scalar


class GenerativePolicy(Checked):
    """Base of all policies. `provides` is a subset of `field`, `mode`, `log-prob` (plugins may add names)."""

    provides: ClassVar[frozenset[str]]

    @abc.abstractmethod
    def init(self, observation: Any, target: Any, condition: Condition, *, key: PRNGKeyArray) -> Any:
        """Initial parameters, from shapes alone (arguments may be `jax.ShapeDtypeStruct`)."""

    @abc.abstractmethod
    def loss(
        self,
        net: Any,
        observation: Float[Array, "*observation"],
        target: Float[Array, " target"],
        condition: Condition,
        *,
        key: PRNGKeyArray,
    ) -> Float[Array, ""]:
        """The loss of imitating `target`, whose minimiser samples p(target | observation, condition)."""

    @abc.abstractmethod
    def sample(
        self, net: Any, observation: Float[Array, "*observation"], condition: Condition, *, key: PRNGKeyArray
    ) -> Float[Array, " target"]:
        """One sample, unclipped."""

    def mode(
        self, net: Any, observation: Float[Array, "*observation"], condition: Condition
    ) -> Float[Array, " target"]:
        """The most likely target; only where `mode` is provided."""
        del net, observation, condition
        raise TypeError(f"{type(self).__name__} provides no mode; check `provides` before calling it.")

    def log_prob(
        self,
        net: Any,
        observation: Float[Array, "*observation"],
        condition: Condition,
        target: Float[Array, " target"],
    ) -> Float[Array, ""]:
        """The log-density of `target` in nats, of samples before the final clip; only where `log-prob` is provided."""
        del net, observation, condition, target
        raise TypeError(f"{type(self).__name__} provides no log_prob; check `provides` before calling it.")


class FieldPolicy(GenerativePolicy):
    """A policy that samples by integrating a field over time: flows predict velocities, diffusions noise.

    Guidance asks for fields, combines them, and hands the combination back to `integrate`.
    """

    def sample(
        self, net: Any, observation: Float[Array, "*observation"], condition: Condition, *, key: PRNGKeyArray
    ) -> Float[Array, " target"]:
        return self.integrate(net, self.field(net, observation, condition), key=key)

    @abc.abstractmethod
    def field(self, net: Any, observation: Float[Array, "*observation"], condition: Condition) -> Field:
        """The prediction `(x, t) -> (target,)`; the observation is encoded once, not at every step."""

    @abc.abstractmethod
    def integrate(self, net: Any, field: Field, *, key: PRNGKeyArray) -> Float[Array, " target"]:
        """Draw noise and carry it along `field` to a sample, unclipped."""

    @abc.abstractmethod
    def denoise(
        self, prediction: Float[Array, " target"], x: Float[Array, " target"], t: Scalar
    ) -> Float[Array, " target"]:
        """The clean estimate E[target | x at time t] that `prediction` implies."""

    @abc.abstractmethod
    def tilt(
        self,
        prediction: Float[Array, " target"],
        x: Float[Array, " target"],
        t: Scalar,
        score: Float[Array, " target"],
    ) -> Float[Array, " target"]:
        """The prediction whose score is larger by `score`: the one place where parametrisations differ."""

    def log_prob(
        self,
        net: Any,
        observation: Float[Array, "*observation"],
        condition: Condition,
        target: Float[Array, " target"],
    ) -> Float[Array, ""]:
        return self.field_log_prob(net, self.field(net, observation, condition), target)

    def field_log_prob(self, net: Any, field: Field, target: Float[Array, " target"]) -> Float[Array, ""]:
        """Density in nats of the samples that `integrate` draws along `field`, which may be a guided one; only where
        `log-prob` is provided. NaN where the sampler's map cannot be inverted at `target`.
        """
        del net, field, target
        raise TypeError(f"{type(self).__name__} provides no log_prob; check `provides` before calling it.")
