"""Guidance around another: trained like the inner one, acting differently."""

from typing import Any

import equinox as eqx
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from cfgrl import Condition, Critic, Guidance, Label, Metrics


class Wrapper(Guidance):
    """Base of guidance whose network, conditions and loss are those of `inner`."""

    inner: eqx.AbstractVar[Guidance]

    def condition(self, label: Label) -> Condition:
        return self.inner.condition(label)

    def plain(self, context: PyTree[Array] | None) -> Condition:
        return self.inner.plain(context)

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
        return self.inner.loss(policy, net, observation, label, critic, key=key)
