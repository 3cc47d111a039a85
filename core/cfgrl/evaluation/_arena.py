"""`Arena`: a block of environments that play a queue of episodes in lockstep; all a worker process has to know.

Slots are in equal blocks, one an agent seed; a slot that finishes takes the next episode of its seed, so that the
acting batch keeps its shape and memory is bounded by the number of slots. No jax here.
"""

import collections
import contextlib
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Shaped

from cfgrl._dataset import Environment
from cfgrl.evaluation._outcomes import Outcome


class Episode(NamedTuple):
    """One episode to play; `seed` is the position of the agent seed in the stacked state."""

    seed: int
    task: str
    weight: float | None
    env_seed: int


class Rollout(NamedTuple):
    """Where the agent went in one episode, for pictures: `positions` are `(x, y)`, one more than steps."""

    episode: Episode
    success: float | None
    goal: list[float] | None
    positions: list[list[float]]


class Round(NamedTuple):
    """What an arena answers to a batch of actions.

    `observation` and `goal` have one row a slot; `started` are the slots that now play another episode; `active`
    counts the slots that still play; the rest is what has finished in this round.
    """

    observation: Shaped[np.ndarray, "slots *observation"]
    goal: Shaped[np.ndarray, "slots *goal"] | None
    started: list[tuple[int, Episode]]
    active: int
    outcomes: list[Outcome]
    rollouts: list[Rollout]


class Arena:
    """Plays `episodes` on `seeds` blocks of `width` environments.

    **Arguments:**

    - `make`: makes an environment; called `seeds * width` times, and again after a failure.
    - `episodes`: what to play, in this order within each agent seed.
    - `record`: the episodes whose positions are kept.
    """

    def __init__(
        self,
        make: Callable[[], Environment],
        episodes: Sequence[Episode],
        *,
        seeds: int,
        width: int,
        record: frozenset[Episode] = frozenset(),
    ):
        self._queues = [collections.deque(e for e in episodes if e.seed == s) for s in range(seeds)]
        self._slots = [_Slot(make) for _ in range(seeds * width)]
        self._width, self._record = width, record

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
            slot.environment.close()

    def _answer(self, free: list[int], outcomes: list[Outcome], rollouts: list[Rollout]) -> Round:
        started = []
        for row in free:
            queue, slot = self._queues[row // self._width], self._slots[row]
            slot.episode = None
            if queue:
                episode = queue.popleft()
                slot.start(episode, episode in self._record)
                started.append((row, episode))
        active = sum(slot.episode is not None for slot in self._slots)
        observation, goal = _rows([s.observation for s in self._slots]), _rows([s.goal for s in self._slots])
        if observation is None:  # every slot failed before its first observation
            observation = np.zeros((len(self._slots), 0), np.float32)
        return Round(observation, goal, started, active, outcomes, rollouts)


def _rows(values: list[np.ndarray | None]) -> np.ndarray | None:
    """One array; a slot without a value still fills its row of the batch, and with what does not matter."""
    known = next((value for value in values if value is not None), None)
    return None if known is None else np.stack([known if value is None else value for value in values])


class _Slot:
    """One environment and the episode that is played in it."""

    def __init__(self, make: Callable[[], Environment]):
        self.make, self.environment = make, make()
        self.episode: Episode | None = None
        self.observation: np.ndarray | None = None
        self.goal: np.ndarray | None = None

    def start(self, episode: Episode, record: bool) -> None:
        self.episode, self.total, self.length, self.failed = episode, 0.0, 0, False
        self.success: float | None = 0.0
        self.positions: list[list[float]] | None = [] if record else None
        try:
            self.observation, self.goal = self.environment.reset(episode.task, episode.env_seed)
            self._check(self.observation, 0.0 if self.goal is None else float(np.sum(self.goal)))
            self._note_position()
        except Exception:
            self._fail()

    def step(self, action: Float[np.ndarray, " action"]) -> bool:
        """Apply an action; returns whether the episode is over."""
        if self.failed:
            return True
        try:
            observation, reward, done, success = self.environment.step(action)
            self._check(observation, reward)
            self._note_position()
            self.total += float(reward)
            self.success = None if success is None else max(self.success or 0.0, float(success))
        except Exception:
            self._fail()
            return True
        self.observation, self.length = observation, self.length + 1
        return bool(done)

    @staticmethod
    def _check(observation: np.ndarray, number: float) -> None:
        if not (math.isfinite(number) and np.all(np.isfinite(observation))):
            raise FloatingPointError("the environment answered a number that is not finite")

    def outcome(self) -> Outcome:
        assert self.episode is not None
        success = self.success if self.success is None or not self.failed else 0.0
        return Outcome(*self.episode, success, self.total, self.length, self.failed)

    def rollout(self) -> list[Rollout]:
        if not self.positions or self.episode is None:
            return []
        goal = None if self.goal is None else [round(float(x), 3) for x in np.ravel(self.goal)[:2]]
        return [Rollout(self.episode, self.success, goal, self.positions)]

    def _note_position(self) -> None:
        if self.positions is not None:
            position = self.environment.position()
            if position is not None:
                self.positions.append([round(float(x), 3) for x in position])

    def _fail(self) -> None:
        # Whatever an environment raises counts as a failed episode; the environment itself is not trusted again.
        self.failed, self.observation = True, None
        with contextlib.suppress(Exception):
            self.environment.close()
        self.environment = self.make()
