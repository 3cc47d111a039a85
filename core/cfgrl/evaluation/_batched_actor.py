"""`Troupe`: lanes whose slots act in one call, and the controller that acts for them."""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float, PRNGKeyArray

from cfgrl._errors import DataError
from cfgrl._stage import Agent, AgentState
from cfgrl.acting._controller import Controller, as_seen
from cfgrl.evaluation._remote_environment import Lane
from cfgrl.evaluation._vector_environment import Round

#: Seconds between two calls of `waiting`, at most.
POLL = 0.2


class Troupe:
    """Plays the episodes of several lanes in step with one another.

    **Arguments:**

    - `agent`, `state`: what acts, one agent's state or several seeds stacked.
    - `lanes`: each of an arena with `width` slots for each agent seed.
    - `key`: the root of all noise.
    """

    def __init__(self, agent: Agent, state: AgentState, lanes: Sequence[Lane], width: int, *, key: PRNGKeyArray):
        self._agent, self._lanes = agent, lanes
        seeds = state.n_seeds or 1
        self._controller = Controller(agent, state, seeds * len(lanes) * width, key=key)
        #: For each lane the rows of its slots: a seed's rows lie together, in each of them one lane after the other.
        self._rows = np.arange(self._controller.rows).reshape(seeds, len(lanes), width)
        self._rows = self._rows.transpose(1, 0, 2).reshape(len(lanes), -1)
        self._weight: Float[np.ndarray, " rows"] = np.ones(self._controller.rows, np.float32)
        self._observation: np.ndarray | None = None
        self._goal: np.ndarray | None = None
        self.playing = list(range(len(lanes)))

    def advance(self, waiting: Callable[[], None]) -> list[Round]:
        """Receive a round of every lane that plays and answer those that go on with actions.

        **Arguments:**

        - `waiting`: called again and again while there is nothing to receive; may raise.
        """
        answers = {lane: self._lanes[lane].receive() for lane in self._ready(waiting)}
        for lane, answer in answers.items():
            self._start(lane, answer)
            self._see(lane, answer)
            if not answer.active:
                self.playing.remove(lane)
                self._lanes[lane].close()
        if self.playing:
            actions = self._act()
            for lane in answers:
                if lane in self.playing:
                    self._lanes[lane].send(actions[self._rows[lane]])
        return list(answers.values())

    def _ready(self, waiting: Callable[[], None]) -> list[int]:
        """Wait for all lanes but those that begin anew: their rows mean nothing until all of them start again."""
        steady = [lane for lane in self.playing if not self._lanes[lane].anew]
        patience = {lane: POLL / len(self.playing) for lane in steady or self.playing}
        while True:
            # Every lane is asked, so that the clocks of those that hang run together.
            ready = [lane for lane in self.playing if self._lanes[lane].ready(patience.get(lane, 0.0))]
            if ready and set(steady) <= set(ready):
                return ready
            waiting()

    def _start(self, lane: int, answer: Round) -> None:
        if not answer.started:
            return
        slots, episodes = zip(*answer.started, strict=True)
        rows = self._rows[lane][list(slots)]
        self._weight[rows] = [1.0 if episode.weight is None else episode.weight for episode in episodes]
        self._controller.reset(rows.tolist(), episodes=[episode.env_seed for episode in episodes])

    def _see(self, lane: int, answer: Round) -> None:
        """Observations and goals in the rows of their lane; where no slot has seen anything, none."""
        if answer.observation.shape[1] == 0 or not answer.active:
            return
        self._observation = self._place(self._observation, lane, answer.observation)
        if self._agent.takes_goal:
            if answer.goal is None:
                raise DataError("The agent needs a goal, but the environment gives none; choose tasks that have goals.")
            self._goal = self._place(self._goal, lane, answer.goal)

    def _place(self, rows: np.ndarray | None, lane: int, values: np.ndarray) -> np.ndarray:
        values = as_seen(values)
        if rows is None:
            rows = np.zeros((self._controller.rows, *values.shape[1:]), values.dtype)
        rows[self._rows[lane]] = values
        return rows

    def _act(self) -> Float[np.ndarray, "rows action"]:
        if self._observation is None:
            return np.zeros((self._controller.rows, 0), np.float32)
        weight = self._weight if self._agent.has_dial else None
        return self._controller.act(self._observation, goal=self._goal, weight=weight)
