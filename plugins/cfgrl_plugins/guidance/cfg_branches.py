"""Classifier-free guidance learned in two branches: each example with the event, weighted by f(A), and without it."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from cfgrl import ConfigError, Event, Given, Label, Metrics, imitation_losses, scalar

from .cfg import ClassifierFree
from .events import Goal


class CFGBranches(ClassifierFree):
    """CFG whose every example passes the branch "event" with its loss scaled by f(A), and the branch "unknown" with its
    loss scaled by `unconditional`. With f = 1[A > 0] this is the form of CFGRL's ExORL runs; for a goal f = 1.

    **Arguments:**

    - `weight`: the default of the dial w; acting may use any other without training or compiling again.
    - `event`: what is conditioned on: the `goal`, or one of the events that give a factor f(A).
    - `unconditional`: scale of the loss of the branch "unknown" (0.1 in the paper).

    Source: CFGRL (arXiv 2505.23458), on ExORL; Ho & Salimans (arXiv 2207.12598).
    """

    # A field in the place of the base's property, which stands for "no dial".
    weight: Float[Array, ""] = scalar(3.0, ge=0.0)  # pyright: ignore[reportIncompatibleMethodOverride]
    event: Event = eqx.field(default_factory=Goal)
    unconditional: Float[Array, ""] = scalar(0.1, gt=0.0)

    def __check_init__(self) -> None:
        if "factor" not in self.event.provides:
            raise ConfigError(
                f"CFGBranches scales the loss of a branch, and the event {type(self.event).__name__} gives no factor: "
                'it only marks examples. Choose another event, or guidance "cfg" (CFG).'
            )

    @property
    def mark(self) -> Float[Array, " c"]:
        """One number, the same in every example: the branch."""
        return jnp.ones((1,))

    def loss(self, given: Given, label: Label, *, key: PRNGKeyArray) -> tuple[Float[Array, ""], Metrics]:
        _, loss_key, mark_key = jax.random.split(key, 3)
        batch = label.target.shape[0]
        factor = self.event.factor(label, key=mark_key)

        def branch(known: bool) -> Float[Array, " batch"]:
            # Both branches see the same noise and times, as in the official code.
            seen = jax.vmap(lambda context, known: self.event.condition(context, self.mark, known))
            condition = seen(label.context, jnp.full((batch,), known))
            return imitation_losses(given, label.target, condition, key=loss_key)

        conditioned, unknown = branch(True), branch(False)
        metrics = {"conditioned_loss": jnp.mean(factor * conditioned), "unconditional_loss": jnp.mean(unknown)}
        return jnp.mean(factor * conditioned + self.unconditional * unknown), metrics | self.event.metrics(label)
