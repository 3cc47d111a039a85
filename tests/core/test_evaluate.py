"""The episode queue: every episode once, paired over weights, failures counted, order without effect."""

import jax
import numpy as np
import pytest
from toys import small_agent, walk

from cfgrl import ConfigError, Controller, DataError, Dataset, Environment, StepResult, init
from cfgrl.evaluation import _evaluate
from cfgrl.evaluation._episode import Episode
from cfgrl.evaluation._evaluate import plan, play_all
from cfgrl.evaluation._judge import choose_tasks
from cfgrl.evaluation._vector_environment import VectorEnvironment


class Walk(Environment):
    """Add the action to a place; solved when the place leaves the unit disc. Remembers what it was asked."""

    limit = 12

    def __init__(self, faults=()):
        self.faults = faults

    def reset(self, task, seed):
        self.noise = np.random.default_rng(seed)
        self.place = self.noise.uniform(-0.2, 0.2, 2)
        self.steps, self.task = 0, task
        if "reset" in self.faults and task == "b":
            raise RuntimeError("the simulator is gone")
        if "start" in self.faults and task == "b":
            return np.array([np.nan, 0.0]), np.array([1.0, 1.0])
        return self.place.copy(), np.array([1.0, 1.0])

    def step(self, action):
        self.steps += 1
        self.place = self.place + 0.2 * action
        observation = self.place.copy()
        if "nothing" in self.faults and self.task == "b":
            return None
        if "nan" in self.faults and self.task == "b":
            observation[0] = np.nan
        if "step" in self.faults and self.task == "b" and self.steps == 3:
            raise RuntimeError("the simulator is gone")
        solved = bool(np.linalg.norm(self.place) > 1)
        return StepResult(observation, float(-self.steps), solved or self.steps == self.limit, solved)

    def position(self):
        return self.place


@pytest.fixture(scope="module")
def trained():
    agent = small_agent()
    return agent, init(agent, walk(), key=jax.random.split(jax.random.key(0), 2))


EPISODES = plan(2, ["a", "b"], [0.0, 1.0, 3.0], 3, seed=0)


def test_the_plan_pairs_episodes_over_weights_and_agent_seeds():
    assert len(EPISODES) == len(set(EPISODES)) == 2 * 2 * 3 * 3
    seeds = {}
    for episode in EPISODES:
        seeds.setdefault((episode.seed, episode.weight, episode.task), []).append(episode.env_seed)
    for task in ("a", "b"):
        assert len({tuple(s) for (_, _, t), s in seeds.items() if t == task}) == 1
    assert len({e.env_seed for e in EPISODES}) == 6
    assert plan(1, ["a"], [None], 2, seed=1)[0].env_seed != plan(1, ["a"], [None], 2, seed=0)[0].env_seed


def test_every_episode_is_reported_in_order(trained):
    outcomes, rollouts = play_all(*trained, Walk, EPISODES, pool=4)
    assert [(o.seed, o.task, o.weight, o.env_seed) for o in outcomes] == [tuple(e) for e in EPISODES]
    assert all(1 <= o.length <= Walk.limit and not o.failed for o in outcomes)
    assert all(o.return_ == -o.length * (o.length + 1) / 2 for o in outcomes)
    assert {(r.episode.task, r.episode.weight) for r in rollouts} == {(t, w) for t in "ab" for w in (0.0, 1.0, 3.0)}
    by_episode = {tuple(e): o for e, o in zip(EPISODES, outcomes, strict=True)}
    for rollout in rollouts:
        assert len(rollout.positions) == by_episode[tuple(rollout.episode)].length + 1


@pytest.mark.parametrize("pool", [2, 6, 1000])
def test_pool_and_order_decide_nothing(trained, pool: int):
    reference, _ = play_all(*trained, Walk, EPISODES, pool=8)
    shuffled = [EPISODES[i] for i in np.random.default_rng(0).permutation(len(EPISODES))]
    outcomes, _ = play_all(*trained, Walk, shuffled, pool=pool)
    assert sorted(outcomes) == sorted(reference)


def test_the_noise_is_the_same_for_every_weight(trained):
    """At equal weights two runs of one episode agree; so what differs between weights is the weight alone."""
    agent, state = trained
    first, _ = play_all(agent, state, Walk, plan(2, ["a"], [1.0], 3, seed=0), pool=4)
    second, _ = play_all(agent, state, Walk, [e for e in EPISODES if e.task == "a"], pool=4)
    assert sorted(first) == sorted(o for o in second if o.weight == 1.0)


@pytest.mark.parametrize("fault", ["reset", "start", "step", "nan", "nothing"])
def test_failed_episodes_are_counted_and_never_dropped(trained, fault: str):
    outcomes, _ = play_all(*trained, lambda: Walk({fault}), EPISODES, pool=4)
    assert len(outcomes) == len(EPISODES)
    assert {o.task for o in outcomes if o.failed} == {"b"}
    assert sum(o.failed for o in outcomes) == len(EPISODES) // 2
    assert all(o.success == 0 for o in outcomes if o.failed)


def test_a_place_that_is_no_number_fails_its_episode_and_is_in_no_picture(trained):
    class Nowhere(Walk):
        def position(self):
            return self.place if self.steps < 2 else self.place * np.nan

    outcomes, rollouts = play_all(*trained, Nowhere, EPISODES, pool=4)
    assert [o for o in outcomes if o.failed] and len(rollouts) == 6
    assert {Episode(*o[:4]) for o in outcomes if o.failed} == {rollout.episode for rollout in rollouts}
    assert all(np.isfinite(rollout.positions).all() and rollout.success == 0 for rollout in rollouts)


def test_an_agent_that_needs_a_goal_says_so(trained):
    class Goalless(Walk):
        def reset(self, task, seed):
            return super().reset(task, seed)[0], None

    with pytest.raises(DataError, match="needs a goal"):
        play_all(*trained, Goalless, EPISODES, pool=4)


def test_a_task_without_a_goal_after_one_that_has_a_goal_says_so(trained):
    """The goal of an episode is never another one's, not even of one in the next slot."""

    class Sometimes(Walk):
        def reset(self, task, seed):
            observation, goal = super().reset(task, seed)
            return observation, goal if task == "a" else None

    with pytest.raises(DataError, match="needs a goal"):
        play_all(*trained, Sometimes, sorted(EPISODES, key=lambda e: e.task), pool=1)
    assert (
        VectorEnvironment(Sometimes, [Episode(0, task, 1.0, 0) for task in "ab"], seeds=1, width=2).begin().goal is None
    )


def test_lanes_that_finish_at_other_times_play_all_of_their_episodes(trained):
    uneven = [e for e in EPISODES if e.task == "a"][:5]
    alone, _ = play_all(*trained, Uneven, uneven, pool=2)
    clients, _ = play_all(*trained, Uneven, uneven, pool=8, workers=2)
    assert [(*o[:4], o.success, o.length) for o in alone] == [(*o[:4], o.success, o.length) for o in clients]
    assert len({o.length for o in clients}) > 1


class Uneven(Walk):
    """Episodes of a length that their seed decides."""

    def reset(self, task, seed):
        self.limit = 2 + seed % 11
        return super().reset(task, seed)


class _Tasks(Dataset):
    tasks = ("task1", "task2", "task3")

    def load(self):
        raise AssertionError

    def provenance(self):
        raise AssertionError


def test_tasks_by_name_and_number():
    assert choose_tasks(_Tasks(), []) == ["task1", "task2", "task3"]
    assert choose_tasks(_Tasks(), ["3", "task1", 3]) == ["task3", "task1"]
    for wrong in ("4", "0", "task9"):
        with pytest.raises(ConfigError, match="task1, task2, task3"):
            choose_tasks(_Tasks(), [wrong])


def test_workers_change_nothing(trained):
    """Environments in two processes of their own give the outcomes that they give in this one."""
    here, _ = play_all(*trained, Walk, EPISODES, pool=8)
    there, rollouts = play_all(*trained, Walk, EPISODES, pool=8, workers=2)
    assert [o[:4] for o in here] == [o[:4] for o in there]
    assert [o.length for o in here] == [o.length for o in there]
    assert len(rollouts) == 6


def test_lanes_that_act_apart_give_what_they_give_together(trained, monkeypatch: pytest.MonkeyPatch):
    """A device of its own acts for one half of the workers while the other half steps."""
    together, _ = play_all(*trained, Walk, EPISODES, pool=8, workers=2)
    batches = []
    act = Controller.act

    def counted(self, *rows, **named):
        batches.append(self.rows)
        return act(self, *rows, **named)

    monkeypatch.setattr(Controller, "act", counted)
    monkeypatch.setattr(_evaluate, "_has_device", lambda: True)
    apart, _ = play_all(*trained, Walk, EPISODES, pool=8, workers=2)
    assert [(*o[:4], o.success, o.length) for o in together] == [(*o[:4], o.success, o.length) for o in apart]
    assert set(batches) == {4}, "half of the pool at a time"


def test_the_pool_bounds_the_environments(trained):
    """Of each agent seed a power of two, or all of its episodes at once."""
    for pool, expected in ((2, 2), (7, 4), (12, 8), (1000, 36)):
        made = []

        def make(made=made):
            made.append(1)
            return Walk()

        play_all(*trained, make, [e._replace(env_seed=i) for i, e in enumerate(EPISODES)], pool=pool)
        assert len(made) == expected, pool


def test_a_worker_that_cannot_begin_is_an_error_and_not_a_hang(trained):
    with pytest.raises(DataError, match="no simulator here"):
        play_all(*trained, Unmakeable, EPISODES, pool=4, workers=2)


class Unmakeable(Walk):
    def __init__(self):
        raise RuntimeError("no simulator here")
