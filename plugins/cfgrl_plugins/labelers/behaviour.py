"""Behaviour: every transition demonstrates the action that was taken, and nothing more."""

from jaxtyping import Array, Int, PRNGKeyArray

from cfgrl import Actor, Label, Labeler, Metrics, ViewedData


class Behaviour(Labeler):
    """Imitate the logged action; no context, no advantage. The labeler of plain behaviour cloning."""

    provides = frozenset()

    def init(self, data: ViewedData, *, key: PRNGKeyArray) -> None:
        del data, key

    def update(
        self, state: None, data: ViewedData, index: Int[Array, " batch"], actor: Actor, *, key: PRNGKeyArray
    ) -> tuple[None, Metrics]:
        del data, index, actor, key
        return state, {}

    def label(self, state: None, data: ViewedData, index: Int[Array, ""], *, key: PRNGKeyArray) -> Label:
        del state, key
        return Label(target=data.take(index)["actions"])
