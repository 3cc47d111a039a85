"""`View`: how labelers, guidance and policies see the data: normalised, stacked, moved, actions in their open box.

The view is pure. Its statistics live in the agent's state, are computed once on the host in double precision, and are
applied on both sides: `bind` for training, `observation` and `goal` while acting. Nobody can forget to normalise.
"""

from typing import Annotated, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from annotated_types import Ge
from jaxtyping import Array, Float, Int, PRNGKeyArray, Shaped

from cfgrl._errors import DataError
from cfgrl._types import Checked, HostOrDevice, scalar
from cfgrl.data._data import Data
from cfgrl.data._streamed import Streamed


class Statistics(eqx.Module):
    """Mean and standard deviation of each component of a column, shapes `(dim,)`."""

    mean: Float[HostOrDevice, " dim"]
    std: Float[HostOrDevice, " dim"]

    def __call__(self, x: Shaped[Array, "*batch dim"]) -> Float[Array, "*batch dim"]:
        # Broadcast by name: elsewhere a promotion of ranks is an error, because most of them are mistakes.
        mean, std = (jnp.broadcast_to(part, x.shape) for part in (self.mean, self.std))
        return (x - mean) / std


class ViewState(eqx.Module):
    """Statistics of observations and goals; `None` if the view does not normalise, and for images."""

    observations: Statistics | None
    goals: Statistics | None


class View(Checked):
    """How the data are seen. Passed to `Agent`, never called by plugins.

    Images, of shape `(height, width, channels)` and uint8, are read as numbers from 0 to 1 and never normalised.

    **Arguments:**

    - `normalize`: subtract the mean from observations and goals and divide by the standard deviation, both over all
      rows of the training data. The CFGRL paper's code does not.
    - `frame_stack`: how many observations in a row are seen together, the newest last, joined along their last axis.
      At an episode's start its first observation stands for those before it. While acting a `Controller` keeps them.
    - `augment`: `crop` moves the images of a training batch by up to `crop_padding` pixels, each episode's its own
      way, so that an observation and the next one are moved alike; the border is repeated.
    - `augment_share`: of the updates in which that happens (half of them in OGBench's and CFGRL's code).
    - `crop_padding`: in pixels.
    - `reward_shift`, `reward_scale`: rewards are read as (r + shift)·scale. Diffusion-QL's antmazes: −0.5 and 4.
    - `action_margin`: actions are clipped to ±(1 - margin) when they are read, as OGBench's reference code does.
    """

    normalize: bool = False
    frame_stack: Annotated[int, Ge(1)] = 1
    augment: Literal["none", "crop"] = "none"
    augment_share: Float[Array, ""] = scalar(0.5, ge=0.0, le=1.0)
    crop_padding: Annotated[int, Ge(1)] = 3
    reward_shift: Float[Array, ""] = scalar(0.0)
    reward_scale: Float[Array, ""] = scalar(1.0)
    action_margin: Float[Array, ""] = scalar(1e-5, ge=0.0, lt=1.0)

    def fit(self, data: Data) -> ViewState:
        """Statistics of host or device data. Raises `DataError` if `augment` asks for images and there are none."""
        observations, goals = data.columns["observations"], data.columns["goals"]
        if self.augment == "crop" and 4 not in (len(observations.shape), len(goals.shape)):
            shape = observations.shape[1:]
            raise DataError(f'view.augment = "crop" moves images, but an observation has shape {shape}: leave it out.')
        if not self.normalize:
            return ViewState(None, None)
        return ViewState(_statistics(observations), _statistics(goals))

    def bind(self, state: ViewState, data: Data, *, key: PRNGKeyArray | None = None) -> "ViewedData":
        """The data as labelers and guidance see them; augmented where there is a `key`, which decides how."""
        return ViewedData(self, state, data, None if self.augment == "none" else key)

    def observation(self, state: ViewState, x: Shaped[Array, "*batch dim"]) -> Float[Array, "*batch dim"]:
        """An observation as the networks see it; the frames of a stack are already joined."""
        return _read(state.observations, x, self.frame_stack)

    def goal(self, state: ViewState, x: Shaped[Array, "*batch dim"]) -> Float[Array, "*batch dim"]:
        """A goal as the networks see it."""
        return _read(state.goals, x, 1)


class ViewedData(eqx.Module):
    """`Data` through a `View`: the same `take` and `last`, the columns transformed."""

    view: View
    state: ViewState
    data: Data
    key: PRNGKeyArray | None = None

    @property
    def last(self) -> Int[Array, " rows"]:
        """For each row the row of its episode's final observation."""
        return jnp.asarray(self.data.last)

    def take(self, index: Int[Array, "*batch"]) -> dict[str, Shaped[Array, "..."]]:
        """The transformed rows at `index`."""
        rows = self.data.take(index)
        limit = 1.0 - self.view.action_margin
        if self.view.frame_stack > 1:
            rows["observations"] = self._stacked(index)
        rows["observations"] = self._moved(self.view.observation(self.state, rows["observations"]), index)
        rows["goals"] = self._moved(self.view.goal(self.state, rows["goals"]), index)
        rows["actions"] = jnp.clip(rows["actions"], -limit, limit)
        if "rewards" in rows:
            rows["rewards"] = (rows["rewards"] + self.view.reward_shift) * self.view.reward_scale
        return rows

    def require(self, *columns: str, why: str) -> None:
        """Refuse data that lack one of `columns`. Raises `DataError`; `why` continues "which …"."""
        missing = [name for name in columns if name not in self.data.columns]
        if missing:
            raise DataError(f"The data have no {' and no '.join(missing)}, which {why}.")

    def draw(self, size: int, *, key: PRNGKeyArray) -> Int[Array, " size"]:
        """Rows of `size` transitions, uniformly with replacement."""
        return self.data.draw(size, key=key)

    def _stacked(self, index: Int[Array, "*batch"]) -> Shaped[Array, "..."]:
        """The newest frames up to each row of `index`, the oldest first, joined along the last axis."""
        frames = [index]
        for _ in range(self.view.frame_stack - 1):
            # A row belongs to the episode of the one after it where both have the same final row.
            before = jnp.maximum(frames[0] - 1, 0)
            frames.insert(0, jnp.where(self.last[before] == self.last[index], before, frames[0]))
        joined = self.data.take(jnp.stack(frames, axis=-1))["observations"]
        joined = jnp.moveaxis(joined, index.ndim, -2)
        return joined.reshape(*joined.shape[:-2], -1)

    def _moved(self, x: Float[Array, "..."], index: Int[Array, "*batch"]) -> Float[Array, "..."]:
        """Images cropped from their padded selves, by an offset that the key and the episode decide."""
        if self.key is None or x.ndim - index.ndim != 3:
            return x
        key, padding = self.key, self.view.crop_padding
        share_key, offset_key = jax.random.split(key)
        active = jax.random.bernoulli(share_key, self.view.augment_share)

        def crop(image: Array, episode: Array) -> Array:
            padded = jnp.pad(image, ((padding, padding), (padding, padding), (0, 0)), mode="edge")
            drawn = jax.random.randint(jax.random.fold_in(offset_key, episode), (2,), 0, 2 * padding + 1)
            top, left = jnp.where(active, drawn, padding)
            return jax.lax.dynamic_slice(padded, (top, left, jnp.zeros_like(top)), image.shape)

        flat = jax.vmap(crop)(x.reshape(-1, *x.shape[index.ndim :]), self.last[index].ravel())
        return flat.reshape(x.shape)


def _read(statistics: Statistics | None, x: Shaped[Array, "*batch dim"], frames: int) -> Float[Array, "*batch dim"]:
    """Pixels as numbers from 0 to 1, other numbers normalised; `frames` observations are joined in `x`."""
    if x.dtype == jnp.uint8:
        return x.astype(jnp.float32) / 255.0
    if statistics is None:
        return x
    return Statistics(jnp.tile(statistics.mean, frames), jnp.tile(statistics.std, frames))(x)


def _statistics(column: HostOrDevice | Streamed, block: int = 1 << 16) -> Statistics | None:
    """Of vectors; `None` for images. Block by block, so that no copy of the column in double precision is made."""
    if column.ndim != 2 or column.dtype == np.uint8:
        return None
    host = np.asarray(column)
    mean = host.mean(axis=0, dtype=np.float64)
    blocks = (host[start : start + block].astype(np.float64) - mean for start in range(0, len(host), block))
    std = np.sqrt(sum(np.square(deviations).sum(axis=0) for deviations in blocks) / len(host))
    # A constant component carries nothing; dividing by one leaves it at zero instead of at infinity.
    std = np.where(std > 1e-6, std, 1.0)
    return Statistics(mean.astype(np.float32), std.astype(np.float32))
