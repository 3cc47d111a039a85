"""`Labeler`: what does this transition demonstrate? It states facts: a target, a context, an advantage.

Behaviour cloning demonstrates the action taken; goal-reaching demonstrates it *for* a state visited later; IQL adds
how much better than usual it was. A labeler may learn (a critic); its parameters are its state, passed in and out.
"""

import abc
from collections.abc import Callable
from typing import Any, ClassVar

from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from cfgrl._label import Label
from cfgrl._types import Checked, Metrics
from cfgrl.data._view import ViewedData

#: `(observation, context, key) -> target`: the unguided policy, gradients stopped, for critics that bootstrap from it.
Actor = Callable[[Float[Array, "*observation"], PyTree[Array] | None, PRNGKeyArray], Float[Array, " target"]]


class Labeler(Checked):
    """Base of all labelers. A frozen module: fields are hyperparameters, methods are pure.

    `provides` is a subset of `goal`, `advantage`, `critic` (plugins may add names).
    """

    provides: ClassVar[frozenset[str]]

    @property
    def chunk(self) -> int:
        """How many actions in a row a target holds: a field of this name where targets are chunks."""
        return 1

    @abc.abstractmethod
    def init(self, data: ViewedData, *, key: PRNGKeyArray) -> Any:
        """The initial state, a pytree (`None` if nothing is learned); its shapes may not depend on the number of
        rows.
        """

    @abc.abstractmethod
    def update(
        self, state: Any, data: ViewedData, index: Int[Array, " batch"], actor: Actor, *, key: PRNGKeyArray
    ) -> tuple[Any, Metrics]:
        """One update of the state on the transitions that start at rows `index`."""

    @abc.abstractmethod
    def label(self, state: Any, data: ViewedData, index: Int[Array, ""], *, key: PRNGKeyArray) -> Label:
        """The facts about the transition that starts at row `index`."""

    def critic(
        self,
        state: Any,
        observation: Float[Array, "*observation"],
        target: Float[Array, " target"],
        context: PyTree[Array] | None,
        *,
        which: str = "online",
    ) -> Float[Array, " heads"]:
        """Q(s, a) by each head, of the `online` or `target` network; only where `critic` is provided."""
        del state, observation, target, context, which
        raise TypeError(f"{type(self).__name__} provides no critic; check `provides` before calling it.")
