"""`View`: how labelers, guidance and policies see the data: normalised, with actions inside their open box.

The view is pure. Its statistics live in the agent's state, are computed once on the host in double precision, and are
applied on both sides: `bind` for training, `observation` and `goal` while acting. Nobody can forget to normalise.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Shaped

from cfgrl._data import Data
from cfgrl._errors import DataError
from cfgrl._types import HostOrDevice, scalar


class Statistics(eqx.Module):
    """Mean and standard deviation of each component of a column, shapes `(dim,)`."""

    mean: Float[HostOrDevice, " dim"]
    std: Float[HostOrDevice, " dim"]

    def __call__(self, x: Shaped[Array, "*batch dim"]) -> Float[Array, "*batch dim"]:
        # Broadcast by name: elsewhere a promotion of ranks is an error, because most of them are mistakes.
        mean, std = (jnp.broadcast_to(part, x.shape) for part in (self.mean, self.std))
        return (x - mean) / std


class ViewState(eqx.Module):
    """Statistics of observations and goals; `None` where the view does not normalise."""

    observations: Statistics | None
    goals: Statistics | None


class View(eqx.Module):
    """How the data are seen. Passed to `Agent`, never called by plugins.

    **Arguments:**

    - `normalize`: subtract the mean from observations and goals and divide by the standard deviation, both over all
      rows of the training data. The CFGRL paper's code does not.
    - `reward_shift`, `reward_scale`: rewards are read as (r + shift)·scale. Diffusion-QL's antmazes: −0.5 and 4.
    - `action_margin`: actions are clipped to ±(1 - margin) when they are read, as OGBench's reference code does.
    """

    normalize: bool = False
    reward_shift: Float[Array, ""] = scalar(0.0)
    reward_scale: Float[Array, ""] = scalar(1.0)
    action_margin: Float[Array, ""] = scalar(1e-5, ge=0.0, lt=1.0)

    def fit(self, data: Data) -> ViewState:
        """Statistics of host or device data; shapes are those of a row of `observations` and `goals`."""
        if not self.normalize:
            return ViewState(None, None)
        return ViewState(_statistics(data.columns["observations"]), _statistics(data.columns["goals"]))

    def bind(self, state: ViewState, data: Data) -> "ViewedData":
        """The data as labelers and guidance see them."""
        return ViewedData(self, state, data)

    def observation(self, state: ViewState, x: Shaped[Array, "*batch dim"]) -> Float[Array, "*batch dim"]:
        """An observation as the networks see it."""
        return x if state.observations is None else state.observations(x)

    def goal(self, state: ViewState, x: Shaped[Array, "*batch dim"]) -> Float[Array, "*batch dim"]:
        """A goal as the networks see it."""
        return x if state.goals is None else state.goals(x)


class ViewedData(eqx.Module):
    """`Data` through a `View`: the same `take` and `last`, the columns transformed."""

    view: View
    state: ViewState
    data: Data

    @property
    def last(self) -> Int[Array, " rows"]:
        """For each row the row of its episode's final observation."""
        return jnp.asarray(self.data.last)

    def take(self, index: Int[Array, "*batch"]) -> dict[str, Shaped[Array, "..."]]:
        """The transformed rows at `index`."""
        rows = self.data.take(index)
        limit = 1.0 - self.view.action_margin
        rows["observations"] = self.view.observation(self.state, rows["observations"])
        rows["goals"] = self.view.goal(self.state, rows["goals"])
        rows["actions"] = jnp.clip(rows["actions"], -limit, limit)
        if "rewards" in rows:
            rows["rewards"] = (rows["rewards"] + self.view.reward_shift) * self.view.reward_scale
        return rows

    def require(self, *columns: str, why: str) -> None:
        """Refuse data that lack one of `columns`. Raises `DataError`; `why` continues "which …"."""
        missing = [name for name in columns if name not in self.data.columns]
        if missing:
            raise DataError(f"The data have no {' and no '.join(missing)}, which {why}.")

    def draw(self, size: int, *, key: Array) -> Int[Array, " size"]:
        """Rows of `size` transitions, uniformly with replacement."""
        return self.data.draw(size, key=key)


def _statistics(column: HostOrDevice) -> Statistics:
    host = np.asarray(column)
    mean = host.mean(axis=0, dtype=np.float64)
    std = host.std(axis=0, dtype=np.float64)
    # A constant component carries nothing; dividing by one leaves it at zero instead of at infinity.
    std = np.where(std > 1e-6, std, 1.0)
    return Statistics(mean.astype(np.float32), std.astype(np.float32))
