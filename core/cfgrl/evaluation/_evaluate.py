"""Evaluation: a queue of episodes over a fixed pool of environments.

An episode is (agent seed, task, weight, environment seed). The order in which they are played decides nothing: noise
is keyed by the environment seed and the step, and is the same for every weight, which pairs the episodes of a sweep.
"""

import functools
from collections.abc import Callable, Sequence

import jax
import numpy as np
from jaxtyping import Float

from cfgrl._controller import Controller
from cfgrl._dataset import Environment
from cfgrl._errors import DataError
from cfgrl._stage import Agent, AgentState
from cfgrl.evaluation._arena import Arena, Episode, Rollout, Round
from cfgrl.evaluation._lanes import Lane, LocalLane, WorkerLane
from cfgrl.evaluation._outcomes import Outcome


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


def evaluate(
    agent: Agent,
    state: AgentState,
    make: Callable[[], Environment],
    episodes: Sequence[Episode],
    *,
    seed: int = 0,
    pool: int = 64,
    workers: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[list[Outcome], list[Rollout]]:
    """Play every episode and report each, failed ones too.

    **Arguments:**

    - `state`: one agent's state, or several seeds stacked.
    - `make`: makes an environment; must be picklable where there are workers.
    - `episodes`: as `plan` gives them.
    - `seed`: root of the acting noise.
    - `pool`: environments held at once, over all agent seeds and workers.
    - `workers`: processes that step environments; 0 steps them in this one.

    **Returns:** outcomes in the order of `episodes`, and one rollout for each task and weight of the first agent seed.
    """
    players = _players(agent, state, make, episodes, seed, pool, workers)
    finished: dict[Episode, Outcome] = {}
    rollouts: list[Rollout] = []
    try:
        while players:
            for player in list(players):
                answer = player.advance()
                finished |= {Episode(*outcome[:4]): outcome for outcome in answer.outcomes}
                rollouts += answer.rollouts
                if not answer.active:
                    player.lane.close()
                    players.remove(player)
            if progress is not None:
                progress(len(finished), len(episodes))
    finally:
        for player in players:
            player.lane.close()
    return [finished[episode] for episode in episodes], rollouts


def _players(
    agent: Agent,
    state: AgentState,
    make: Callable[[], Environment],
    episodes: Sequence[Episode],
    seed: int,
    pool: int,
    workers: int,
) -> list["_Player"]:
    """One player a lane; the episodes are dealt out in turn, each agent seed's for itself."""
    n_seeds = state.n_seeds or 1
    lanes = max(1, min(workers, pool // n_seeds))
    shares: list[list[Episode]] = [[] for _ in range(lanes)]
    for agent_seed in range(n_seeds):
        for i, episode in enumerate(e for e in episodes if e.seed == agent_seed):
            shares[i % lanes].append(episode)
    longest = max(sum(e.seed == s for e in share) for share in shares for s in range(n_seeds))
    width = max(1, min(pool // (n_seeds * lanes), longest))
    first = {(e.task, e.weight): e for e in reversed(episodes) if e.seed == 0}
    arena = functools.partial(Arena, make, seeds=n_seeds, width=width, record=frozenset(first.values()))
    kind = WorkerLane if workers else LocalLane
    return [
        _Player(
            agent,
            kind(functools.partial(arena, share)),
            Controller(agent, state, n_seeds * width, key=jax.random.key(seed)),
        )
        for share in shares
        if share
    ]


class _Player:
    """One lane, and the controller that acts for its slots."""

    def __init__(self, agent: Agent, lane: Lane, controller: Controller):
        self.agent, self.lane, self.controller = agent, lane, controller
        self._weight: Float[np.ndarray, " slots"] = np.ones(controller.rows, np.float32)

    def advance(self) -> Round:
        """Receive a round and, while anything is played, answer it with actions."""
        answer = self.lane.receive()
        for row, episode in answer.started:
            self._weight[row] = 1.0 if episode.weight is None else episode.weight
        if answer.started:
            rows, started = zip(*answer.started, strict=True)
            self.controller.reset(rows, episodes=[episode.env_seed for episode in started])
        if answer.active:
            self.lane.send(self._act(answer))
        return answer

    def _act(self, answer: Round) -> Float[np.ndarray, "slots action"]:
        if answer.observation.shape[1] == 0:  # every slot failed before its first observation
            return np.zeros((self.controller.rows, 0), np.float32)
        if self.agent.takes_goal and answer.goal is None:
            raise DataError("The agent needs a goal, but the environment gives none; choose tasks that have goals.")
        goal = answer.goal if self.agent.takes_goal else None
        weight = self._weight if self.agent.has_dial else None
        return self.controller.act(answer.observation, goal=goal, weight=weight)
