"""Goals: every transition demonstrates how to reach the states that its episode visited later."""

from typing import Annotated, Literal

from annotated_types import Ge
from jaxtyping import Array, Float, Int, PRNGKeyArray

from cfgrl import Label, ViewedData, scalar

from . import _chunks, _goal_rows
from ._stateless import Stateless


class Goals(Stateless):
    """Hindsight goals: the context is the goal representation of a later row of the same episode.

    For the transition at row i of an episode whose final observation is row e, the goal is that of row j:

    - `uniform`: j is uniform over {i+1, …, e}, as the paper says;
    - `rounded`: j = round(u·(i+1) + (1−u)·(e−1)), u uniform, as OGBench's and CFGRL's code does: both ends have half
      weight, the final observation is never a goal, and the last transition's goal is its own row;
    - `geometric`: j = min(i + k, e), k = 1, 2, … with probability (1 − γ)·γ^(k−1): sooner goals more often;
    - `offset`: j = min(i + k, e) for a fixed k: the condition of the low policy in a hierarchy.

    **Arguments:**

    - `sampling`: how that row is drawn, one of these.
    - `discount`: γ of `geometric`; goals are 1/(1 − γ) transitions ahead in the mean, as far as episodes go.
    - `steps`: k of `offset`, in transitions.
    - `chunk`: how many actions in a row are imitated together, as in `behaviour`.

    Source: CFGRL (arXiv 2505.23458), section on goal-conditioned behaviour cloning; OGBench (arXiv 2410.20092); the
    hierarchy follows HIQL (arXiv 2307.11949).
    """

    sampling: Literal["uniform", "rounded", "geometric", "offset"] = "uniform"
    discount: Float[Array, ""] = scalar(0.99, gt=0.0, lt=1.0)
    steps: Annotated[int, Ge(1)] = 25
    # A field in the place of the base's property, which stands for single actions.
    chunk: Annotated[int, Ge(1)] = 1  # pyright: ignore[reportIncompatibleMethodOverride]

    provides = frozenset({"goal"})

    def label(self, state: None, data: ViewedData, index: Int[Array, ""], *, key: PRNGKeyArray) -> Label:
        del state
        goal = self.goal_row(index, data.last[index], key=key)
        return Label(target=_chunks.actions(data, index, self.chunk), context=data.take(goal)["goals"])

    def goal_row(self, index: Int[Array, ""], end: Int[Array, ""], *, key: PRNGKeyArray) -> Int[Array, ""]:
        """The row whose representation is the goal of row `index`, in an episode whose final row is `end`."""
        rows = {
            "uniform": lambda: _goal_rows.uniform(index, end, key=key),
            "rounded": lambda: _goal_rows.rounded(index, end, key=key),
            "geometric": lambda: _goal_rows.geometric(index, end, self.discount, key=key),
            "offset": lambda: _goal_rows.offset(index, end, self.steps),
        }
        return rows[self.sampling]()
