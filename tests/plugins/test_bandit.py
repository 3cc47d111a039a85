"""The bandit: what its data and its environment are, held against the paper's numbers."""

import dataclasses

import numpy as np
import pytest

from cfgrl import ConfigError, DataError
from cfgrl_plugins.datasets.bandit import CENTRES, REWARDS, Bandit, expected_rewards

CORNERS = {(-1, 1): 3.0, (-1, -1): 0.0, (1, 1): 1.5, (1, -1): 5.0}


@pytest.fixture(scope="module")
def data():
    return Bandit().load()[0]


def test_a_quarter_of_the_actions_is_in_each_corner_and_paid_as_the_paper_says(data):
    actions, rewards = data.columns["actions"][data.transitions], data.columns["rewards"][data.transitions]
    assert len(actions) == 10_000 and np.abs(actions).max() <= 1
    for (x, y), mean in CORNERS.items():
        here = (np.sign(actions) == (x, y)).all(axis=1)
        assert here.sum() == 2_500
        # 0.05/√2500 and 0.5/√2500 are the standard errors; clipping at 4 standard deviations changes nothing visible.
        assert actions[here].mean(axis=0) == pytest.approx([0.8 * x, 0.8 * y], abs=4e-3)
        assert actions[here].std(axis=0) == pytest.approx([0.05, 0.05], rel=0.06)
        assert rewards[here].mean() == pytest.approx(mean, abs=0.04)
        assert rewards[here].std() == pytest.approx(0.5, rel=0.06)
        assert np.abs(np.corrcoef(actions[here].T, rewards[here])[2, :2]).max() < 0.08


def test_an_episode_is_one_decision_after_which_nothing_follows(data):
    assert data.n_episodes == data.n_transitions == 10_000
    assert data.columns["observations"].shape == (20_000, 1) and not data.columns["observations"].any()
    assert (data.transitions % 2 == 0).all() and (data.last[data.transitions] == data.transitions + 1).all()
    assert not data.columns["masks"][data.transitions].any()
    assert not data.columns["rewards"][1::2].any(), "the second row is an observation only"


def test_size_and_seed_decide_everything(data):
    again, validation = Bandit().load()
    assert all((again.columns[name] == data.columns[name]).all() for name in data.columns)
    assert validation is not None and validation.n_transitions == 1_000
    assert not np.isin(validation.columns["actions"][::2], data.columns["actions"]).all(axis=1).any()
    other = Bandit(size=10_000, seed=1).load()[0]
    assert (other.columns["actions"] != data.columns["actions"])[::2].any()
    assert Bandit(size=40).load()[0].n_transitions == 40


def test_where_it_comes_from_is_said_without_files():
    said = Bandit(size=100, seed=3).provenance()
    assert said["name"] == "bandit" and said["files"] == [] and said["origin"] == "generated"
    assert said["record"]["size"] == 100 and said["record"]["seed"] == 3 and "numpy" in said["record"]["versions"]
    digests = [Bandit(*given).provenance()["record"]["sha256"] for given in ((100, 3), (100, 3), (100, 4), (101, 3))]
    assert digests[0] == digests[1] and len(set(digests)) == 3
    assert Bandit().present() is None


def test_there_is_nothing_to_make_or_download():
    with pytest.raises(DataError, match="made in memory"):
        Bandit().generate(None, episodes=None, seed=0)
    with pytest.raises(DataError, match="made in memory"):
        Bandit().fetch()
    assert Bandit.named("bandit", size=20) == Bandit(size=20)
    with pytest.raises(ConfigError, match="bandit"):
        Bandit.named("band")
    assert [field.name for field in dataclasses.fields(Bandit)] == ["size", "seed"]


def test_the_environment_pays_the_corner_and_nothing_elsewhere():
    environment = Bandit().environment()
    assert environment is not None
    for centre, mean in zip(CENTRES, REWARDS, strict=True):
        paid = []
        for seed in range(400):
            observation, goal = environment.reset("reward", seed)
            assert observation.shape == (1,) and not observation.any() and goal is None
            result = environment.step(centre + np.array([0.1, -0.1]))
            assert result.done and result.success is None
            paid.append(result.reward)
        assert np.mean(paid) == pytest.approx(mean, abs=0.1) and np.std(paid) == pytest.approx(0.5, rel=0.15)
    rewards = [(environment.reset("reward", 7), environment.step(CENTRES[3]).reward)[1] for _ in range(2)]
    assert rewards[0] == rewards[1], "the seed decides the noise"
    with pytest.raises(ConfigError, match="reward"):
        environment.reset("task1", 0)


def test_an_action_that_no_data_speak_for_earns_nothing():
    near, far = CENTRES + np.array([0.0, 0.19]), CENTRES - 0.15 * np.sign(CENTRES)
    assert (expected_rewards(near) == REWARDS).all()
    assert not expected_rewards(far).any(), "0.21 away"
    assert expected_rewards(np.zeros(2)) == 0
    actions = Bandit().load()[0].columns["actions"][::2]
    assert expected_rewards(actions).mean() == pytest.approx(REWARDS.mean(), abs=0.01)
