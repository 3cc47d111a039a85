"""`VectorEnvironment`: environments that play a queue of episodes in lockstep; all that a worker process knows.

Slots are in equal blocks, one an agent seed; a slot that finishes takes the next episode of its seed, so that the
acting batch keeps its shape and memory is bounded by the number of slots. No jax here.
"""

import collections
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Shaped

from cfgrl.data._dataset import Environment
from cfgrl.evaluation._episode import Episode, Rollout, Slot
from cfgrl.evaluation._heartbeat import Heartbeat
from cfgrl.evaluation._outcomes import Outcome


class Round(NamedTuple):
    """What an vector answers to a batch of actions.

    `observation` and `goal` have one row a slot; `started` are the slots that now play another episode; `active`
    counts the slots that still play; the rest is what has finished in this round.
    """

    observation: Shaped[np.ndarray, "slots *observation"]
    goal: Shaped[np.ndarray, "slots *goal"] | None
    started: list[tuple[int, Episode]]
    active: int
    outcomes: list[Outcome]
    rollouts: list[Rollout]


class VectorEnvironment:
    """Plays `episodes` on `seeds` blocks of `width` environments.

    **Arguments:**

    - `make`: makes an environment; called `seeds * width` times, and again after a failure.
    - `episodes`: what to play, in this order within each agent seed.
    - `record`: the episodes whose positions are kept.
    - `heartbeat`: is told before each call of an environment; numbers an episode by its place in `episodes`.
    - `furnished`: whether environments are made now, where a constructor that raises ends everything; otherwise each
      is made for its first episode, which fails where that raises.
    """

    def __init__(
        self,
        make: Callable[[], Environment],
        episodes: Sequence[Episode],
        *,
        seeds: int,
        width: int,
        record: frozenset[Episode] = frozenset(),
        heartbeat: Heartbeat | None = None,
        furnished: bool = True,
    ):
        numbered = list(enumerate(episodes))
        self._queues = [collections.deque(item for item in numbered if item[1].seed == s) for s in range(seeds)]
        heartbeat = heartbeat or Heartbeat()
        shapes: dict[str, tuple[int, ...]] = {}
        self._slots = [Slot(make, heartbeat, shapes) for _ in range(seeds * width)]
        self._width, self._record, self._pulse = width, record, heartbeat
        if furnished:
            for slot in self._slots:
                slot.furnish()

    def begin(self) -> Round:
        """Start the first episode of every slot."""
        return self._answer(list(range(len(self._slots))), [], [])

    def step(self, actions: Float[np.ndarray, "slots action"]) -> Round:
        """Apply one action a slot; slots that finish take their next episode."""
        over, outcomes, rollouts = [], [], []
        for row, slot in enumerate(self._slots):
            if slot.episode is not None and slot.step(actions[row]):
                over.append(row)
                outcomes.append(slot.outcome())
                rollouts += slot.rollout()
        return self._answer(over, outcomes, rollouts)

    def close(self) -> None:
        """Free all environments."""
        for slot in self._slots:
            slot.close()

    def _answer(self, free: list[int], outcomes: list[Outcome], rollouts: list[Rollout]) -> Round:
        started = []
        for row in free:
            queue, slot = self._queues[row // self._width], self._slots[row]
            slot.episode = None
            if queue:
                number, episode = queue.popleft()
                slot.start(number, episode, episode in self._record)
                started.append((row, episode))
        self._pulse.beat()  # what goes wrong from here on is no episode's fault
        playing = [slot for slot in self._slots if slot.episode is not None]
        observation, goal = _rows([s.observation for s in self._slots]), _rows([s.goal for s in self._slots])
        if observation is None:  # every slot failed before its first observation
            observation = np.zeros((len(self._slots), 0), np.float32)
        if any(slot.goal is None and not slot.failed for slot in playing):
            goal = None  # never another episode's
        return Round(observation, goal, started, len(playing), outcomes, rollouts)


def _rows(values: list[np.ndarray | None]) -> np.ndarray | None:
    """One array; a slot without a value still fills its row of the batch, and with what does not matter."""
    known = next((value for value in values if value is not None), None)
    return None if known is None else np.stack([known if value is None else value for value in values])
