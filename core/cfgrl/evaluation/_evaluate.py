"""Evaluation: a queue of episodes over a fixed pool of environments.

An episode is (agent seed, task, weight, environment seed). The order in which they are played decides nothing: noise
is keyed by the environment seed and the step, and is the same for every weight, which pairs the episodes of a sweep.
"""

import contextlib
import functools
from collections.abc import Callable, Sequence

import jax
import numpy as np

from cfgrl._stage import Agent, AgentState
from cfgrl.data._dataset import Environment
from cfgrl.evaluation._batched_actor import BatchedActor
from cfgrl.evaluation._episode import Episode, Rollout
from cfgrl.evaluation._outcomes import Outcome
from cfgrl.evaluation._remote_environment import EnvironmentClient, LocalClient
from cfgrl.evaluation._vector_environment import VectorEnvironment
from cfgrl.evaluation._worker import WorkerClient


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


def play_all(
    agent: Agent,
    state: AgentState,
    make: Callable[[], Environment],
    episodes: Sequence[Episode],
    *,
    seed: int = 0,
    pool: int = 64,
    workers: int = 0,
    timeout: float = 60.0,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[list[Outcome], list[Rollout]]:
    """Play every episode and report each, failed ones too.

    **Arguments:**

    - `state`: one agent's state, or several seeds stacked.
    - `make`: makes an environment; must be picklable where there are workers.
    - `episodes`: as `plan` gives them.
    - `seed`: root of the acting noise.
    - `pool`: environments held at once, over all agent seeds and workers.
    - `workers`: processes that step environments; 0 steps them in this one, which an environment can then end or hang.
    - `timeout`: seconds that one reset or step may take in a worker before its episode has failed.
    - `progress`: told how many episodes are over, and of how many; at least twice a second while environments are
      waited for. What it raises ends the evaluation.

    **Returns:** outcomes in the order of `episodes`, and one rollout for each task and weight of the first agent seed.
    """
    n_seeds = state.n_seeds or 1
    shares, width = _deal(episodes, n_seeds, pool, workers)
    first = {(e.task, e.weight): e for e in reversed(episodes) if e.seed == 0}
    vector = functools.partial(VectorEnvironment, make, seeds=n_seeds, width=width, record=frozenset(first.values()))
    outcomes: dict[Episode, Outcome] = {}
    rollouts: list[Rollout] = []

    def tell() -> None:
        if progress is not None:
            progress(len(outcomes), len(episodes))

    with contextlib.ExitStack() as closing:
        clients: list[EnvironmentClient] = []
        for share in shares:
            clients.append(WorkerClient(vector, share, timeout=timeout) if workers else LocalClient(vector, share))
            closing.callback(clients[-1].close)
        actors = _batches(agent, state, clients, width, seed)
        while actors:
            for actor in list(actors):
                for answer in actor.advance(tell):
                    outcomes |= {Episode(*outcome[:4]): outcome for outcome in answer.outcomes}
                    rollouts += answer.rollouts
                if not actor.playing:
                    actors.remove(actor)
            tell()
    return [outcomes[episode] for episode in episodes], rollouts


def _deal(episodes: Sequence[Episode], n_seeds: int, pool: int, workers: int) -> tuple[list[list[Episode]], int]:
    """The episodes dealt out to clients in turn, for each agent seed, and the slots of a client and agent seed."""
    clients = max(1, min(workers, pool // n_seeds))
    shares: list[list[Episode]] = [[] for _ in range(clients)]
    for agent_seed in range(n_seeds):
        for i, episode in enumerate(e for e in episodes if e.seed == agent_seed):
            shares[i % clients].append(episode)
    longest = max(sum(e.seed == s for e in share) for share in shares for s in range(n_seeds))
    slots = pool // (n_seeds * clients)
    # Batches of a power of two are multiplied up to half again as fast as those of a few rows less.
    width = max(1, min(_even(slots) if clients == _even(clients) else slots, longest))
    return [share for share in shares if share], width


def _batches(
    agent: Agent, state: AgentState, clients: Sequence[EnvironmentClient], width: int, seed: int
) -> list[BatchedActor]:
    """The clients, in actors.

    Two actors overlap acting with stepping where a device of its own acts. A processor acts with all of its cores:
    there one actor is faster (by a fifth, measured on two cores), because the cores then do one thing at a time and
    one large batch costs less than two.
    """
    count = 2 if _has_device() else 1
    groups = [group for group in (clients[i::count] for i in range(count)) if group]
    return [BatchedActor(agent, state, group, width, key=jax.random.key(seed)) for group in groups]


def _even(number: int) -> int:
    """The largest power of two that is not larger."""
    return 1 << (max(number, 1).bit_length() - 1)


def _has_device() -> bool:
    """Whether something else than the processor acts."""
    return jax.default_backend() != "cpu"
