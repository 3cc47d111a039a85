"""Labelers that learn nothing."""

from jaxtyping import Array, Int, PRNGKeyArray

from cfgrl import Actor, Labeler, Metrics, ViewedData


class Stateless(Labeler):
    """Base of labelers without a state to update."""

    def init(self, data: ViewedData, *, key: PRNGKeyArray) -> None:
        del data, key

    def update(
        self, state: None, data: ViewedData, index: Int[Array, " batch"], actor: Actor, *, key: PRNGKeyArray
    ) -> tuple[None, Metrics]:
        del data, index, actor, key
        return state, {}
