"""Classifier-free guidance: one network learns the conditioned and the unconditional policy; w combines them."""

from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
from annotated_types import Ge
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from cfgrl import Condition, ConfigError, Critic, Field, Guidance, Label, Metrics, imitation_losses, scalar

from . import _optimality
from ._together import together


class CFG(Guidance):
    """Classifier-free guidance as policy improvement.

    The network learns the policy with and without knowledge of an event: that the goal is reached, or that the action
    is optimal. Acting integrates u + w·(c − u), c the prediction given the event and u the one without. It aims at
    π_w(a|s) ∝ π̂(a|s)·p(event|s,a)^w, and with exact predictions samples it at w = 0, the unconditional policy, and at
    w = 1, the conditioned one; elsewhere the law is near it. w > 1 goes beyond the conditioned policy.

    What is nulled is the `goal` (the label's context), or the `optimality` o made of the label's advantage A, in which
    case a goal stays known. Two forms of training, both the paper's:

    - `dropout`: each example with its own goal or o, replaced by a learned null with probability `dropout` (the goal;
      with o ∈ {no, yes}, A ≥ 0 meaning yes, the OGBench single-task form);
    - `branches`: each example passes the branch "event" with its loss scaled by f(A) and the branch "unknown" with its
      loss scaled by `unconditional` (with f = 1[A > 0] the ExORL form; for a goal f = 1).

    **Arguments:**

    - `weight`: the default of the dial w; acting may use any other without training or compiling again.
    - `nulls`: what is nulled: the goal, or the optimality of the action.
    - `training`: which of the two forms.
    - `dropout`: probability of nulling in `dropout` (0.1 in the paper).
    - `unconditional`: scale of the loss of the branch "unknown" in `branches` (0.1 in the paper).
    - `optimality`: how A becomes o: `binary` (A against `threshold`), `quantile` (against that of the batch),
      `bernoulli` (drawn with probability σ(A/τ)); only in `branches` `exponential` (f = min(exp(A/τ), cap)); only in
      `dropout` `levels` (L equal shares of the batch) and `advantage` (A/τ itself, acting asks for `target`).
    - `threshold`: of `binary`: the advantage from which on an action counts as optimal.
    - `quantile`: of `quantile`: the share of the batch that counts as not optimal.
    - `temperature`: τ of `bernoulli`, `exponential` and `advantage`, in units of A.
    - `cap`: of `exponential`: the largest factor.
    - `levels`: of `levels`: L.
    - `target`: of `advantage`: the A/τ that acting asks for.

    With a binary o ideal conditioning would make w > 0 do nothing further, since f^w = f: what larger w changes there
    comes from the smoothness of what was learned. `bernoulli` has no such corner.

    Source: CFGRL (arXiv 2505.23458); Ho & Salimans (arXiv 2207.12598).
    """

    # A field in the place of the base's property, which stands for "no dial".
    weight: Float[Array, ""] = scalar(3.0, ge=0.0)  # pyright: ignore[reportIncompatibleMethodOverride]
    nulls: Literal["goal", "optimality"] = "goal"
    training: Literal["dropout", "branches"] = "dropout"
    dropout: Float[Array, ""] = scalar(0.1, gt=0.0, lt=1.0)
    unconditional: Float[Array, ""] = scalar(0.1, gt=0.0)
    optimality: Literal["binary", "quantile", "bernoulli", "exponential", "levels", "advantage"] = "binary"
    threshold: Float[Array, ""] = scalar(0.0)
    quantile: Float[Array, ""] = scalar(0.5, ge=0.0, le=1.0)
    temperature: Float[Array, ""] = scalar(1.0, gt=0.0)
    cap: Float[Array, ""] = scalar(100.0, gt=0.0)
    levels: Annotated[int, Ge(2)] = 5
    target: Float[Array, ""] = scalar(1.0)

    def __check_init__(self) -> None:
        if self.nulls == "goal":
            return
        reading = self._reading
        if self.training == "dropout" and reading.best is None:
            raise ConfigError(
                f"CFG cannot mark examples by optimality '{self.optimality}', which only scales the loss of a branch: "
                'choose training "branches".'
            )
        if self.training == "branches" and type(reading).factor is _optimality.Optimality.factor:
            raise ConfigError(
                f"CFG cannot scale a branch by optimality '{self.optimality}', which only marks examples: "
                'choose training "dropout".'
            )

    ends = ("unconditional", "conditional, no extra push")

    @property
    def needs(self) -> frozenset[str]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """A field to combine, and what is to be nulled."""
        return frozenset({"field", "goal" if self.nulls == "goal" else "advantage"})

    @property
    def _reading(self) -> _optimality.Optimality:
        """The reading of the advantage that `optimality` names."""
        readings = {
            "binary": lambda: _optimality.Binary(self.threshold),
            "quantile": lambda: _optimality.Quantile(self.quantile),
            "bernoulli": lambda: _optimality.Bernoulli(self.temperature),
            "exponential": lambda: _optimality.Exponential(self.temperature, self.cap),
            "levels": lambda: _optimality.Levels(self.levels),
            "advantage": lambda: _optimality.Scaled(self.temperature, self.target),
        }
        return readings[self.optimality]()

    @property
    def _best(self) -> Float[Array, " c"] | None:
        """The o that acting asks for; `None` where the event is a goal."""
        if self.nulls == "goal":
            return None
        return jnp.ones((1,)) if self.training == "branches" else self._reading.best

    def _told(self, context: PyTree[Array] | None, o: Float[Array, " c"] | None, known: Any) -> Condition:
        """The condition in which the event is known or not."""
        known = jnp.asarray(known, dtype=bool)
        if self.nulls == "goal":
            return Condition.of(context, known=known)
        return Condition(context, jnp.asarray(True), o, known)

    def condition(self, label: Label) -> Condition:
        return self._told(label.context, self._best, True)

    def plain(self, context: PyTree[Array] | None) -> Condition:
        # Without guidance the policy still heads for a goal, but is told nothing of optimality.
        return self._told(context, self._best, self.nulls == "goal")

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
        del critic
        event_key, loss_key, mark_key = jax.random.split(key, 3)
        form = {"dropout": self._dropout_losses, "branches": self._branch_losses}[self.training]

        def imitate(condition: Condition) -> Float[Array, " batch"]:
            return imitation_losses(policy, net, observation, label.target, condition, key=loss_key)

        losses, metrics = form(imitate, label, mark_key, event_key)
        if label.advantage is not None and self.nulls == "optimality":
            positive = jnp.mean((label.advantage > 0).astype(jnp.float32))
            metrics |= {"advantage": jnp.mean(label.advantage), "positive_share": positive}
        return jnp.mean(losses), metrics

    def _dropout_losses(self, imitate: Any, label: Any, mark_key: Any, drop_key: Any) -> tuple[Array, Metrics]:
        known = ~jax.random.bernoulli(drop_key, self.dropout, (label.target.shape[0],))
        o = None if self.nulls == "goal" else self._reading.marks(label.advantage, key=mark_key)
        losses = imitate(jax.vmap(self._told)(label.context, o, known))
        return losses, {"conditioned_loss": _mean_where(known, losses)}

    def _branch_losses(self, imitate: Any, label: Any, mark_key: Any, event_key: Any) -> tuple[Array, Metrics]:
        del event_key
        batch = label.target.shape[0]
        factor: Any = (
            jnp.ones((batch,)) if self.nulls == "goal" else self._reading.factor(label.advantage, key=mark_key)
        )

        def branch(known: bool) -> Float[Array, " batch"]:
            # Both branches see the same noise and times, as in the official code.
            told = jax.vmap(lambda context, known: self._told(context, self._best, known))
            return imitate(told(label.context, jnp.full((batch,), known)))

        conditioned, unknown = branch(True), branch(False)
        metrics = {"conditioned_loss": jnp.mean(factor * conditioned), "unconditional_loss": jnp.mean(unknown)}
        return factor * conditioned + self.unconditional * unknown, metrics

    def field(
        self,
        policy: Any,
        net: Any,
        observation: Float[Array, "*observation"],
        context: PyTree[Array] | None,
        critic: Critic,
        weight: Any,
    ) -> Field:
        del critic

        def told(known: bool) -> Field:
            return policy.field(net, observation, self._told(context, self._best, known))

        predictions = together(told(True), told(False))

        def guided(x: Float[Array, " target"], t: Float[Array, ""]) -> Float[Array, " target"]:
            conditioned, unconditional = predictions(x, t)
            return unconditional + weight * (conditioned - unconditional)

        return guided


def _mean_where(mask: Array, values: Float[Array, " batch"]) -> Float[Array, ""]:
    return jnp.sum(jnp.where(mask, values, 0.0)) / jnp.maximum(jnp.sum(mask, dtype=jnp.float32), 1.0)
