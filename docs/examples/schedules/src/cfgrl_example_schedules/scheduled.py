"""Guidance around another, whose weight changes on the way from noise to action."""

from typing import Any

import equinox as eqx
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from cfgrl import Condition, Field, Given, Guidance, Label, Metrics
from cfgrl_example_schedules.schedule import Interval, Schedule


class Scheduled(Guidance):
    """Follows the field of `inner` at weight w(t) = 1 + s(t)·(w − 1). Training is that of `inner`.

    The fields at w and at 1 are mixed, which is the field at w(t) for guidance that is linear in its weight.

    **Arguments:**

    - `inner`: the guidance whose weight is scheduled.
    - `schedule`: s(t).

    Source: Kynkäänniemi et al. (arXiv 2404.07724).
    """

    inner: Guidance
    schedule: Schedule = eqx.field(default_factory=Interval)

    @property
    def needs(self) -> frozenset[str]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """A field, and what `inner` needs."""
        return self.inner.needs | {"field"}

    @property
    def weight(self) -> Any:
        """The dial of `inner`."""
        return self.inner.weight

    ends = ("no push by the inner guidance while the weight counts", "the inner guidance at 1")

    def condition(self, label: Label) -> Condition:
        """That of `inner`."""
        return self.inner.condition(label)

    def plain(self, context: PyTree[Array] | None) -> Condition:
        """That of `inner`."""
        return self.inner.plain(context)

    def loss(self, given: Given, label: Label, *, key: PRNGKeyArray) -> tuple[Float[Array, ""], Metrics]:
        """That of `inner`."""
        return self.inner.loss(given, label, key=key)

    def field(self, given: Given, weight: Any) -> Field:
        """The two fields mixed."""
        pushed, base = self.inner.field(given, weight), self.inner.field(given, 1.0)

        def guided(x: Float[Array, " target"], t: Float[Array, ""]) -> Float[Array, " target"]:
            one = base(x, t)
            return one + self.schedule(t) * (pushed(x, t) - one)

        return guided
