"""`Controller`: the host's state while acting, for evaluation and for users' own loops alike.

Rows stand for environments that run side by side. A row's noise is keyed by its episode and its step in it, so that
neither the number of rows nor their order changes what an episode sees. Frames that are seen together and actions that
were generated together are kept for each row.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Float, Int, PRNGKeyArray, Shaped

from cfgrl._act import act_blocks, for_acting
from cfgrl._errors import ConfigError
from cfgrl._stage import Agent, AgentState
from cfgrl.acting._bind import bind


class Controller:
    """Acts for a fixed number of rows; call `reset` for rows that start an episode, then `act` for all of them.

    **Arguments:**

    - `agent`, `state`: what acts. A state that stacks agent seeds acts in equal blocks, one a seed.
    - `rows`: number of rows, divisible by the number of agent seeds.
    - `key`: the root of all noise.
    - `types`: dtypes of `observations` and `goals` in the data, which those given to `act` are brought to; without it
      bytes stay bytes, and all else becomes float32.
    """

    def __init__(
        self,
        agent: Agent,
        state: AgentState,
        rows: int,
        *,
        key: PRNGKeyArray,
        types: Mapping[str, str] | None = None,
    ):
        blocks = state.n_seeds or 1
        if rows < 1 or rows % blocks:
            raise ConfigError(f"A controller of {blocks} agent seeds needs a multiple of {blocks} rows, not {rows}.")
        if state.n_seeds is None:
            state = jax.tree.map(lambda leaf: leaf[None] if eqx.is_array(leaf) else leaf, state)
        self._agent, self._key = agent, key
        self._act_blocks = bind(act_blocks, agent, for_acting(agent, state))
        self._shape = (blocks, rows // blocks)
        self.rows, self._types = rows, types or {}
        self._episode: Int[np.ndarray, " rows"] = np.arange(rows, dtype=np.uint32)
        self._step: Int[np.ndarray, " rows"] = np.zeros(rows, dtype=np.uint32)
        #: The newest observations of each row, the oldest first: shape `(rows, frames, ...)`.
        self._frames: np.ndarray | None = None
        #: What is left of each row's chunk: shape `(rows, executed, action)`, and how many of it are still to come.
        self._chunks: np.ndarray | None = None
        self._left: Int[np.ndarray, " rows"] = np.zeros(rows, dtype=np.int64)

    def reset(self, rows: Sequence[int] | None = None, *, episodes: Sequence[int] | None = None) -> None:
        """Start an episode in `rows` (all of them if not given).

        `episodes` are the numbers that key their noise; rows that are not given one go on to their next number.
        """
        picked = np.arange(self.rows) if rows is None else np.asarray(rows, dtype=np.int64)
        if episodes is None:
            self._episode[picked] += np.uint32(self.rows)
        else:
            self._episode[picked] = np.asarray(episodes, dtype=np.uint32)
        self._step[picked] = 0
        self._left[picked] = 0

    def act(
        self,
        observation: Shaped[np.ndarray, "rows *observation"],
        *,
        goal: Shaped[np.ndarray, "rows *goal"] | None = None,
        weight: Float[np.ndarray, " rows"] | float | None = None,
    ) -> Float[np.ndarray, "rows action"]:
        """One action a row, within [-1, 1], and one step further in each row's episode.

        `observation` is what each environment shows now; where the agent sees several frames at once, those before are
        remembered. Where it generates chunks, a row generates one when it has executed what it had.
        """
        if self._agent.takes_goal != (goal is not None):
            raise ConfigError(
                "This agent is goal-conditioned; give act(..., goal=...)."
                if self._agent.takes_goal
                else "This agent was trained without goals; leave `goal` out."
            )
        seen = self._see(as_seen(observation, self._types.get("observations")))
        if self._chunks is None or not self._left.all():
            wanted = None if goal is None else as_seen(goal, self._types.get("goals"))
            self._generate(seen, wanted, weight)
        assert self._chunks is not None
        action = self._chunks[np.arange(self.rows), self._agent.executed - self._left]
        self._left -= 1
        self._step += np.uint32(1)
        return action

    def _see(self, observation: np.ndarray) -> np.ndarray:
        """The newest frames of each row, joined along the last axis; those of a first step all show it."""
        count = self._agent.view.frame_stack
        if count == 1:
            return observation
        if self._frames is None:
            self._frames = np.repeat(observation[:, None], count, axis=1)
        first = self._step == 0
        self._frames = np.roll(self._frames, -1, axis=1)
        self._frames[:, -1] = observation
        self._frames[first] = observation[first, None]
        joined = np.moveaxis(self._frames, 1, -2)
        return joined.reshape(*joined.shape[:-2], -1)

    def _generate(self, seen: np.ndarray, goal: Any, weight: Any) -> None:
        """A new chunk for the rows that have none left. All rows are computed, so that the shape stays."""
        noise = tuple(count.reshape(self._shape) for count in (self._episode, self._step))
        if weight is not None:
            weight = np.broadcast_to(np.asarray(weight, np.float32), (self.rows,)).reshape(self._shape)
        observation: Any = self._blocks(seen)
        wanted: Any = self._blocks(goal)
        # The device may read what it is given until the answer is there, which is waited for.
        flat = np.asarray(self._act_blocks(observation, wanted, weight, self._key, noise))
        chunks = flat.reshape(self.rows, self._agent.chunk, -1)[:, : self._agent.executed]
        empty = self._left == 0
        if self._chunks is None:
            self._chunks = chunks.copy()
        self._chunks[empty] = chunks[empty]
        self._left[empty] = self._agent.executed

    def _blocks(self, rows: np.ndarray | None) -> np.ndarray | None:
        return None if rows is None else rows.reshape(*self._shape, *rows.shape[1:])


def as_seen(value: Any, dtype: str | None = None) -> np.ndarray:
    """Observations or goals as the data had them: bytes of images, or 32-bit floats.

    Raises `ConfigError` if `dtype` is uint8 and `value` holds anything but whole numbers from 0 to 255: a picture
    that was scaled already would be scaled again.
    """
    array = np.asarray(value)
    if dtype is None:
        return array if array.dtype == np.uint8 else array.astype(np.float32, copy=False)
    if dtype == "uint8" and array.dtype != np.uint8:
        if array.dtype.kind not in "iu" or (array.size and not (array.min() >= 0 and array.max() <= 255)):
            raise ConfigError(f"Images are given as whole numbers from 0 to 255 (uint8), not as {array.dtype}.")
        return array.astype(np.uint8)
    return array.astype(dtype, copy=False)
