"""Classifier-free guidance: one network learns the conditioned and the unconditional policy; w combines them."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from cfgrl import Condition, ConfigError, Event, Field, Given, Guidance, Label, Metrics, imitation_losses, scalar

from ._together import together
from .events import Goal


class ClassifierFree(Guidance):
    """Acts along u + w·(c − u), c the prediction given the event and u the one without; subclasses say how both are
    learned.
    """

    weight: eqx.AbstractVar[Any]
    event: eqx.AbstractVar[Event]

    ends = ("unconditional", "conditional, no extra push")

    @property
    def needs(self) -> frozenset[str]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """A field to combine, and the facts that the event is made of."""
        return self.event.needs | {"field"}

    @property
    def mark(self) -> Float[Array, " c"] | None:
        """What the network sees of an event that is known when acting."""
        return self.event.wanted

    def condition(self, label: Label) -> Condition:
        return self.event.condition(label.context, self.mark, True)

    def plain(self, context: PyTree[Array] | None) -> Condition:
        return self.event.unguided(context, self.mark)

    def field(self, given: Given, weight: Any) -> Field:
        known, unknown = (self.event.condition(given.context, self.mark, known) for known in (True, False))
        predictions = together(given.field(known), given.field(unknown))

        def guided(x: Float[Array, " target"], t: Float[Array, ""]) -> Float[Array, " target"]:
            c, u = predictions(x, t)
            return u + weight * (c - u)

        return guided


class CFG(ClassifierFree):
    """Classifier-free guidance as policy improvement.

    The network learns the policy with and without knowledge of an event: that the goal is reached, or that the action
    is optimal. In training each example's event is replaced by a learned null with probability `dropout`. Acting
    integrates u + w·(c − u), c the prediction given the event and u the one without. It aims at
    π_w(a|s) ∝ π̂(a|s)·p(event|s,a)^w, and with exact predictions samples it at w = 0, the unconditional policy, and at
    w = 1, the conditioned one; elsewhere the law is near it. w > 1 goes beyond the conditioned policy.

    **Arguments:**

    - `weight`: the default of the dial w; acting may use any other without training or compiling again.
    - `event`: what is conditioned on: the `goal`, or an optimality made of the label's advantage, one of the events
      that mark examples.
    - `dropout`: probability of nulling the event (0.1 in the paper).

    With a binary optimality ideal conditioning would make w > 0 do nothing further, since f^w = f: what larger w
    changes there comes from the smoothness of what was learned. `bernoulli` has no such corner.

    Source: CFGRL (arXiv 2505.23458), on OGBench; Ho & Salimans (arXiv 2207.12598).
    """

    # A field in the place of the base's property, which stands for "no dial".
    weight: Float[Array, ""] = scalar(3.0, ge=0.0)  # pyright: ignore[reportIncompatibleMethodOverride]
    event: Event = eqx.field(default_factory=Goal)
    dropout: Float[Array, ""] = scalar(0.1, gt=0.0, lt=1.0)

    def __check_init__(self) -> None:
        if "marks" not in self.event.provides:
            raise ConfigError(
                f"CFG nulls the marks of examples, and the event {type(self.event).__name__} gives none: it only "
                'scales the loss of a branch. Choose another event, or guidance "cfg-branches" (CFGBranches).'
            )

    def loss(self, given: Given, label: Label, *, key: PRNGKeyArray) -> tuple[Float[Array, ""], Metrics]:
        drop_key, loss_key, mark_key = jax.random.split(key, 3)
        known = ~jax.random.bernoulli(drop_key, self.dropout, (label.target.shape[0],))
        marks = self.event.marks(label, key=mark_key)
        condition = jax.vmap(self.event.condition)(label.context, marks, known)
        losses = imitation_losses(given, label.target, condition, key=loss_key)
        conditioned = jnp.sum(jnp.where(known, losses, 0.0)) / jnp.maximum(jnp.sum(known, dtype=jnp.float32), 1.0)
        return jnp.mean(losses), {"conditioned_loss": conditioned, **self.event.metrics(label)}
