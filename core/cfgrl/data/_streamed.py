"""`Streamed`: a column that stays on the host, for data that do not fit the device.

Reading rows inside a compiled function asks the host for just these rows. What comes back is bit for bit what the
same read of an array on the device gives, so that where data lie decides nothing but speed and memory.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Shaped


class Streamed:
    """A host array, in memory or mapped from a file, that is read by rows. Equal only to itself, as a leaf under `jit`.

    **Arguments:**

    - `array`: shape `(rows, ...)`.
    """

    def __init__(self, array: np.ndarray):
        self.array = array
        self.shape, self.dtype, self.ndim, self.nbytes = array.shape, array.dtype, array.ndim, array.nbytes

    def __getitem__(self, index: Any) -> Shaped[Array, "..."]:
        """The rows at `index`, integers of any shape, as on a device: negative ones count from the end, and beyond an
        end it is its last row.
        """
        index = jnp.asarray(index)
        rows = jax.ShapeDtypeStruct((*index.shape, *self.shape[1:]), self.dtype)
        return jax.pure_callback(self._gather, rows, index, vmap_method="broadcast_all")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.array, dtype=dtype, copy=copy)

    def _gather(self, index: Any) -> np.ndarray:
        # Only NumPy here: a call of jax inside a host callback can wait for the very thread that it runs on.
        index = np.asarray(index)
        index = np.clip(np.where(index < 0, index + len(self.array), index), 0, len(self.array) - 1)
        return np.ascontiguousarray(self.array[index])
