"""Evaluation: a queue of episodes over a fixed pool of environments.

An episode is (agent seed, task, weight, environment seed). The pool is in equal blocks, one an agent seed; a slot that
finishes takes the next episode of its seed, so that the acting batch keeps its shape and memory is bounded by the
pool. The order of the queue decides nothing: noise is keyed by the environment seed and the step, and is the same for
every weight, which pairs the episodes of a sweep.
"""

import collections
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from cfgrl._controller import Controller
from cfgrl._dataset import Environment
from cfgrl._errors import DataError
from cfgrl._stage import Agent, AgentState
from cfgrl._summary import Outcome


class Episode(NamedTuple):
    """One episode to run; `seed` is the position of the agent seed in the stacked state."""

    seed: int
    task: str
    weight: float | None
    env_seed: int


class Rollout(NamedTuple):
    """Where the agent went in one episode, for pictures: `positions` of shape `(steps + 1, 2)`."""

    episode: Episode
    success: float
    goal: list[float] | None
    positions: list[list[float]]


def plan(
    n_seeds: int, tasks: Sequence[str], weights: Sequence[float | None], episodes: int, seed: int
) -> list[Episode]:
    """All episodes of a sweep; environment seeds depend on `seed`, task and number, never on weight or agent seed."""
    queue = []
    for number in range(episodes):
        for position, task in enumerate(tasks):
            env_seed = int(np.random.SeedSequence([seed, position, number]).generate_state(1)[0])
            queue += [Episode(s, task, w, env_seed) for s in range(n_seeds) for w in weights]
    return queue


class _Slot:
    """One environment and the episode that runs in it."""

    def __init__(self, make: Callable[[], Environment]):
        self.make, self.environment = make, make()
        self.episode: Episode | None = None
        self.observation: np.ndarray | None = None
        self.goal: np.ndarray | None = None

    def start(self, episode: Episode, record: bool) -> None:
        self.episode, self.total, self.length, self.success, self.failed = episode, 0.0, 0, 0.0, False
        self.positions: list[list[float]] | None = [] if record else None
        try:
            self.observation, self.goal = self.environment.reset(episode.task, episode.env_seed)
            self._record()
        except Exception:
            self._fail()

    def step(self, action: Float[np.ndarray, " action"]) -> bool:
        """Apply an action; returns whether the episode is over."""
        if self.failed:
            return True
        try:
            result = self.environment.step(action)
            self._record()
        except Exception:
            self._fail()
            return True
        self.length += 1
        if not (math.isfinite(result.reward) and np.all(np.isfinite(result.observation))):
            self.failed = True
            return True
        self.observation = result.observation
        self.total += result.reward
        self.success = max(self.success, float(result.success))
        return result.done

    def outcome(self) -> Outcome:
        episode = self.episode
        assert episode is not None
        success = 0.0 if self.failed else self.success
        return Outcome(
            episode.seed, episode.task, episode.weight, episode.env_seed, success, self.total, self.length, self.failed
        )

    def _record(self) -> None:
        if self.positions is not None:
            position = self.environment.position()
            if position is not None:
                self.positions.append([round(float(x), 3) for x in position])

    def _fail(self) -> None:
        # Whatever an environment raises counts as a failed episode; the environment itself is not trusted again.
        self.failed = True
        self.environment.close()
        self.environment = self.make()


def evaluate(
    agent: Agent,
    state: AgentState,
    make: Callable[[], Environment],
    episodes: Sequence[Episode],
    *,
    seed: int = 0,
    pool: int = 64,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[list[Outcome], list[Rollout]]:
    """Run every episode and report each, failed ones too.

    **Arguments:**

    - `state`: one agent's state, or several seeds stacked.
    - `make`: makes an environment; called at most `pool` times, and again after a failure.
    - `episodes`: as `plan` gives them.
    - `seed`: root of the acting noise.
    - `pool`: environments held at once, over all agent seeds.

    **Returns:** outcomes in the order of `episodes`, and one rollout for each task and weight of the first agent seed.
    """
    n_seeds = state.n_seeds or 1
    queues = [collections.deque(e for e in episodes if e.seed == s) for s in range(n_seeds)]
    width = max(1, min(pool // n_seeds, max(len(queue) for queue in queues)))
    slots = [_Slot(make) for _ in range(n_seeds * width)]
    controller = Controller(agent, state, len(slots), key=jax.random.key(seed))
    finished: dict[Episode, Outcome] = {}
    recorder = _Recorder()
    try:
        for row, slot in enumerate(slots):
            _next(row, slot, queues[row // width], controller, recorder)
        while any(slot.episode is not None for slot in slots):
            actions = _act(agent, controller, slots)
            for row, slot in enumerate(slots):
                if slot.episode is not None and slot.step(actions[row]):
                    finished[slot.episode] = slot.outcome()
                    recorder.keep(slot)
                    _next(row, slot, queues[row // width], controller, recorder)
            if progress is not None:
                progress(len(finished), len(episodes))
    finally:
        for slot in slots:
            slot.environment.close()
    return [finished[episode] for episode in episodes], recorder.rollouts


class _Recorder:
    """Keeps one rollout for each task and weight of the first agent seed."""

    def __init__(self) -> None:
        self._seen: set[tuple[Any, ...]] = set()
        self.rollouts: list[Rollout] = []

    def wants(self, episode: Episode) -> bool:
        name = (episode.task, episode.weight)
        if episode.seed != 0 or name in self._seen:
            return False
        self._seen.add(name)
        return True

    def keep(self, slot: _Slot) -> None:
        if slot.positions and slot.episode is not None:
            goal = None if slot.goal is None else [round(float(x), 3) for x in np.ravel(slot.goal)[:2]]
            self.rollouts.append(Rollout(slot.episode, slot.success, goal, slot.positions))


def _next(
    row: int, slot: _Slot, queue: "collections.deque[Episode]", controller: Controller, recorder: _Recorder
) -> None:
    if not queue:
        slot.episode = None
        return
    episode = queue.popleft()
    slot.start(episode, recorder.wants(episode))
    controller.reset([row], episodes=[episode.env_seed])


def _act(agent: Agent, controller: Controller, slots: list[_Slot]) -> Float[np.ndarray, "rows action"]:
    blank = next(slot for slot in slots if slot.observation is not None)
    observation = np.stack([_or(slot.observation, blank.observation) for slot in slots])
    goal = None
    if agent.takes_goal:
        if blank.goal is None:
            raise DataError("The agent needs a goal, but the environment gives none; choose tasks that have goals.")
        goal = np.stack([_or(slot.goal, blank.goal) for slot in slots])
    weight = None
    if agent.has_dial:
        weight = np.array([_weight(slot) for slot in slots], np.float32)
    return controller.act(observation, goal=goal, weight=weight)


def _or(value: np.ndarray | None, default: np.ndarray | None) -> np.ndarray:
    chosen = default if value is None else value
    assert chosen is not None
    return chosen


def _weight(slot: _Slot) -> float:
    # An idle slot still holds a row of the batch; what it is told does not matter.
    return slot.episode.weight if slot.episode is not None and slot.episode.weight is not None else 1.0
