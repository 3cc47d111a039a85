"""`BatchedActor`: clients whose slots act in one call, and the controller that acts for them."""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float, PRNGKeyArray

from cfgrl._errors import DataError
from cfgrl._stage import Agent, AgentState
from cfgrl.acting._controller import Controller, as_seen
from cfgrl.evaluation._remote_environment import EnvironmentClient
from cfgrl.evaluation._vector_environment import Round

#: Seconds between two calls of `waiting`, at most.
POLL = 0.2


class BatchedActor:
    """Plays the episodes of several clients in step with one another.

    **Arguments:**

    - `agent`, `state`: what acts, one agent's state or several seeds stacked.
    - `clients`: each of an vector with `width` slots for each agent seed.
    - `key`: the root of all noise.
    """

    def __init__(
        self, agent: Agent, state: AgentState, clients: Sequence[EnvironmentClient], width: int, *, key: PRNGKeyArray
    ):
        self._agent, self._lanes = agent, clients
        seeds = state.n_seeds or 1
        self._controller = Controller(agent, state, seeds * len(clients) * width, key=key)
        #: For each client the rows of its slots: a seed's rows lie together, and in each one client after the other.
        self._rows = np.arange(self._controller.rows).reshape(seeds, len(clients), width)
        self._rows = self._rows.transpose(1, 0, 2).reshape(len(clients), -1)
        self._weight: Float[np.ndarray, " rows"] = np.ones(self._controller.rows, np.float32)
        self._observation: np.ndarray | None = None
        self._goal: np.ndarray | None = None
        self.playing = list(range(len(clients)))

    def advance(self, waiting: Callable[[], None]) -> list[Round]:
        """Receive a round of every client that plays and answer those that go on with actions.

        **Arguments:**

        - `waiting`: called again and again while there is nothing to receive; may raise.
        """
        answers = {client: self._lanes[client].receive() for client in self._ready(waiting)}
        for client, answer in answers.items():
            self._start(client, answer)
            self._see(client, answer)
            if not answer.active:
                self.playing.remove(client)
                self._lanes[client].close()
        if self.playing:
            actions = self._act()
            for client in answers:
                if client in self.playing:
                    self._lanes[client].send(actions[self._rows[client]])
        return list(answers.values())

    def _ready(self, waiting: Callable[[], None]) -> list[int]:
        """Wait for all clients but those that begin anew: their rows mean nothing until all of them start again."""
        steady = [client for client in self.playing if not self._lanes[client].anew]
        patience = {client: POLL / len(self.playing) for client in steady or self.playing}
        while True:
            # Every client is asked, so that the clocks of those that hang run together.
            ready = [client for client in self.playing if self._lanes[client].ready(patience.get(client, 0.0))]
            if ready and set(steady) <= set(ready):
                return ready
            waiting()

    def _start(self, client: int, answer: Round) -> None:
        if not answer.started:
            return
        slots, episodes = zip(*answer.started, strict=True)
        rows = self._rows[client][list(slots)]
        self._weight[rows] = [1.0 if episode.weight is None else episode.weight for episode in episodes]
        self._controller.reset(rows.tolist(), episodes=[episode.env_seed for episode in episodes])

    def _see(self, client: int, answer: Round) -> None:
        """Observations and goals in the rows of their client; where no slot has seen anything, none."""
        if answer.observation.shape[1] == 0 or not answer.active:
            return
        self._observation = self._place(self._observation, client, answer.observation)
        if self._agent.takes_goal:
            if answer.goal is None:
                raise DataError("The agent needs a goal, but the environment gives none; choose tasks that have goals.")
            self._goal = self._place(self._goal, client, answer.goal)

    def _place(self, rows: np.ndarray | None, client: int, values: np.ndarray) -> np.ndarray:
        values = as_seen(values)
        if rows is None:
            rows = np.zeros((self._controller.rows, *values.shape[1:]), values.dtype)
        rows[self._rows[client]] = values
        return rows

    def _act(self) -> Float[np.ndarray, "rows action"]:
        if self._observation is None:
            return np.zeros((self._controller.rows, 0), np.float32)
        weight = self._weight if self._agent.has_dial else None
        return self._controller.act(self._observation, goal=self._goal, weight=weight)
