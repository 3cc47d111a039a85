"""Behaviour: every transition demonstrates the action that was taken, and nothing more."""

from typing import Annotated

from annotated_types import Ge
from jaxtyping import Array, Int, PRNGKeyArray

from cfgrl import Label, ViewedData

from . import _chunks
from ._stateless import Stateless


class Behaviour(Stateless):
    """Imitate the logged action; no context, no advantage. The labeler of plain behaviour cloning.

    **Arguments:**

    - `chunk`: how many actions in a row are imitated together, this one first. Where the episode ends before, its last
      action is repeated. Diffusion Policy (arXiv 2303.04137) predicts 16.
    """

    # A field in the place of the base's property, which stands for single actions.
    chunk: Annotated[int, Ge(1)] = 1  # pyright: ignore[reportIncompatibleMethodOverride]

    provides = frozenset()

    def label(self, state: None, data: ViewedData, index: Int[Array, ""], *, key: PRNGKeyArray) -> Label:
        del state, key
        return Label(target=_chunks.actions(data, index, self.chunk))
