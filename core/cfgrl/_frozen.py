"""`Frozen`: a labeler that learns no more, so that a critic is trained once and many policies are extracted from it.

    stage = Stage(Frozen(IQL()), FlowMatching(), CFG())
    state = init(Agent(stage), data, key=key)
    state = eqx.tree_at(lambda s: s.stages[0].labeler, state, trained.stages[0].labeler)

Freezing says nothing of where the parameters come from: a fresh state has to be given trained ones, as above, or by
`train.labeler_from` in a run.
"""

from typing import Any

from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from cfgrl._label import Label
from cfgrl._labeler import Actor, Labeler
from cfgrl._types import Metrics
from cfgrl.data._view import ViewedData


class Frozen(Labeler):
    """What another labeler says, whose updates change nothing and cost nothing.

    Its state is that of the labeler within, so that checkpoints name the same arrays with and without it.

    **Arguments:**

    - `labeler`: the one that gives the labels.
    """

    labeler: Labeler

    @property
    def provides(self) -> frozenset[str]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """What the labeler within does."""
        return self.labeler.provides

    @property
    def chunk(self) -> int:
        """That of the labeler within."""
        return self.labeler.chunk

    def init(self, data: ViewedData, *, key: PRNGKeyArray) -> Any:
        return self.labeler.init(data, key=key)

    def update(
        self, state: Any, data: ViewedData, index: Int[Array, " batch"], actor: Actor, *, key: PRNGKeyArray
    ) -> tuple[Any, Metrics]:
        del data, index, actor, key
        return state, {}

    def label(self, state: Any, data: ViewedData, index: Int[Array, ""], *, key: PRNGKeyArray) -> Label:
        return self.labeler.label(state, data, index, key=key)

    def critic(
        self,
        state: Any,
        observation: Float[Array, "*observation"],
        target: Float[Array, " target"],
        context: PyTree[Array] | None,
        *,
        which: str = "online",
    ) -> Float[Array, " heads"]:
        return self.labeler.critic(state, observation, target, context, which=which)
