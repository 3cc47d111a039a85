"""Guidance around another: trained like the inner one, acting differently."""

import equinox as eqx
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from cfgrl import Condition, Given, Guidance, Label, Metrics


class Wrapper(Guidance):
    """Base of guidance whose network, conditions and loss are those of `inner`."""

    inner: eqx.AbstractVar[Guidance]

    def condition(self, label: Label) -> Condition:
        return self.inner.condition(label)

    def plain(self, context: PyTree[Array] | None) -> Condition:
        return self.inner.plain(context)

    def loss(self, given: Given, label: Label, *, key: PRNGKeyArray) -> tuple[Float[Array, ""], Metrics]:
        return self.inner.loss(given, label, key=key)
