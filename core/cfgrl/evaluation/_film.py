"""Filming: single episodes of an evaluation played once more, with a picture of each step.

Seeds and noise are those that were judged. A single row may round differently from the rows of a whole pool, so that
an episode with contacts can in rare cases end otherwise.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import numpy as np
from jaxtyping import UInt8

from cfgrl._stage import Agent, AgentState
from cfgrl.acting._controller import Controller
from cfgrl.data._dataset import Environment
from cfgrl.evaluation._episode import Episode

Picture = UInt8[np.ndarray, "height width 3"]
#: Most pictures of one film; of a longer episode every second, fourth, … step is kept.
LONGEST = 250


class Film(NamedTuple):
    """One episode in pictures: one for every `stride` steps, the last step always among them."""

    episode: Episode
    pictures: list[Picture]
    stride: int
    success: bool | None


def film(
    agent: Agent,
    state: AgentState,
    environment: Environment,
    episodes: Sequence[Episode],
    draw: Callable[[Environment, np.ndarray | None], Picture | None],
    *,
    seed: int = 0,
) -> Iterator[Film]:
    """Play `episodes` of the first agent seed one after another, and film them.

    **Arguments:**

    - `state`: several agent seeds stacked.
    - `draw`: makes a picture of an environment and its goal; `None` if it has nothing to show.
    - `seed`: root of the acting noise, as it was judged.

    Episodes whose environment has nothing to show are left out.
    """
    one = jax.tree.map(lambda leaf: leaf[:1] if eqx.is_array(leaf) else leaf, state)
    controller = Controller(agent, one, 1, key=jax.random.key(seed))
    for episode in episodes:
        observation, goal = environment.reset(episode.task, episode.env_seed)
        controller.reset(episodes=[episode.env_seed])
        roll, done, success = _Roll(), False, None
        while not done:
            roll.add(draw(environment, goal))
            wanted = goal[None] if agent.takes_goal and goal is not None else None
            weight = episode.weight if agent.has_dial else None
            action = controller.act(observation[None], goal=wanted, weight=weight)[0]
            observation, _, done, reached = environment.step(action)
            success = reached if reached is None else bool(success or reached)
        roll.add(draw(environment, goal), last=True)
        if roll.pictures:
            yield Film(episode, roll.pictures, roll.stride, success)


class _Roll:
    """Pictures at equal distances, never more than `LONGEST`."""

    def __init__(self) -> None:
        self.pictures: list[Picture] = []
        self.stride, self._step = 1, 0

    def add(self, picture: Picture | None, *, last: bool = False) -> None:
        if picture is not None and (last or self._step % self.stride == 0):
            self.pictures.append(picture)
        self._step += 1
        if len(self.pictures) > LONGEST and not last:
            self.pictures, self.stride = self.pictures[::2], 2 * self.stride
