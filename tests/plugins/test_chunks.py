"""Chunks of actions: as labels, while acting, in the controller; and frames that the controller remembers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toys import walk

from cfgrl import Agent, ConfigError, Controller, Data, Policy, Stage, View, init, nn, train
from cfgrl_plugins.guidance.unguided import Unguided
from cfgrl_plugins.labelers.behaviour import Behaviour
from cfgrl_plugins.labelers.goals import Goals
from cfgrl_plugins.labelers.iql import IQL
from cfgrl_plugins.labelers.subgoals import Subgoals
from cfgrl_plugins.policies.flow_matching import FlowMatching
from cfgrl_plugins.policies.gaussian import Gaussian

SMALL = nn.MLP(hidden=(32, 32))


def agent(chunk: int = 4, execute: int | None = None, frames: int = 1, goals: bool = False) -> Agent:
    labeler = Goals(chunk=chunk) if goals else Behaviour(chunk=chunk)
    stage = Stage(labeler, FlowMatching(SMALL, steps=2), Unguided())
    return Agent(stage, View(frame_stack=frames), batch_size=32, execute=execute)


def chunk_by_hand(data: Data, row: int, length: int) -> np.ndarray:
    taken = []
    for ahead in range(length):
        source = row + ahead if row + ahead < data.last[row] else data.last[row] - 1
        taken.append(data.columns["actions"][source])
    return np.concatenate(taken)


@pytest.mark.parametrize("labeler", [Behaviour(chunk=4), Goals(chunk=4)])
def test_a_target_is_the_next_actions_of_the_episode_the_last_repeated(labeler) -> None:
    data = walk(episodes=3, length=6)
    view = View()
    viewed = view.bind(view.fit(data), data)
    label = jax.jit(lambda index: labeler.label(None, viewed, index, key=jax.random.key(0)).target)
    for row in data.transitions:
        np.testing.assert_allclose(label(jnp.asarray(row)), chunk_by_hand(data, int(row), 4), atol=2e-5)


def test_the_state_is_sized_for_the_chunk_and_trains() -> None:
    data = walk()
    state = train(agent(), data, steps=3, key=jax.random.key(0), chunk=3)
    policy = Policy(agent(execute=3), state, data.spec)
    one = policy.act(np.zeros(2, np.float32), key=jax.random.key(0))
    many = policy.act(np.zeros((5, 2), np.float32), key=jax.random.key(0))
    assert one.shape == (3, 2) and many.shape == (5, 3, 2)
    whole = Policy(agent(), state, data.spec).act(np.zeros((5, 2), np.float32), key=jax.random.key(0))
    assert whole.shape == (5, 4, 2)
    np.testing.assert_array_equal(whole[:, :3], many)


def test_the_controller_hands_out_a_chunk_and_looks_again_after_it() -> None:
    """Observations change at every step, but only every third is looked at, and rows do so on their own."""
    data = walk()
    made = agent(chunk=4, execute=3)
    state = init(made, data, key=jax.random.key(0))
    rows, rng = 3, np.random.default_rng(0)
    controller = Controller(made, state, rows, key=jax.random.key(1))
    controller.reset(episodes=[7, 8, 9])
    shown = rng.normal(size=(8, rows, 2)).astype(np.float32)
    given = []
    for step in range(8):
        if step == 4:
            controller.reset([1], episodes=[50])  # in the middle of its second chunk
        given.append(controller.act(shown[step]))
    begins = {0: [0, 3, 6], 1: [0, 3, 4, 7], 2: [0, 3, 6]}
    for row, starts in begins.items():
        for start, end in zip(starts, [*starts[1:], 8], strict=True):
            restarted = row == 1 and start >= 4
            alone = Controller(made, state, 1, key=jax.random.key(1))
            alone.reset(episodes=[50 if restarted else 7 + row])
            for earlier in range(4 if restarted else 0, start):
                alone.act(shown[earlier, row : row + 1])
            first = alone.act(shown[start, row : row + 1])
            np.testing.assert_allclose(given[start][row], first[0], atol=1e-5)
            for step in range(start + 1, end):  # what is shown in between changes nothing
                np.testing.assert_allclose(given[step][row], alone.act(np.full((1, 2), 9.0, np.float32))[0], atol=1e-5)


def test_frames_in_the_controller_are_those_of_the_data() -> None:
    data = walk(episodes=2, length=7)
    made = agent(chunk=1, frames=3)
    state = init(made, data, key=jax.random.key(0))
    view = made.view.bind(state.view, data)
    seen = jax.jit(lambda index: view.take(index)["observations"])
    controller = Controller(made, state, 2, key=jax.random.key(1))
    met = []
    controller._generate = lambda joined, goal, weight, act=controller._generate: (
        met.append(joined.copy()),
        act(joined, goal, weight),
    )
    observations = data.columns["observations"]
    for episode in range(2):  # the second time after a reset: nothing is left of the first
        controller.reset()
        for step in range(6):
            rows = np.array([step, 7 + step]) if episode == 0 else np.array([7 + step, step])
            controller.act(observations[rows])
            np.testing.assert_array_equal(met[-1], seen(jnp.asarray(rows)))


def test_a_policy_with_frames_says_what_it_wants() -> None:
    data = walk()
    made = agent(chunk=1, frames=3)
    policy = Policy(made, init(made, data, key=jax.random.key(0)), data.spec)
    assert policy.act(np.zeros(6, np.float32), key=jax.random.key(0)).shape == (2,)
    with pytest.raises(ConfigError, match=r"observation has shape \(2,\); one has shape \(6,\): the newest 3 joined"):
        policy.act(np.zeros(2, np.float32), key=jax.random.key(0))


def test_what_cannot_be_executed_is_refused() -> None:
    with pytest.raises(ConfigError, match="chunks have 4 actions cannot execute 5 of them: lower act.execute"):
        agent(chunk=4, execute=5)
    with pytest.raises(ConfigError, match="chunks have 1 action cannot execute 2"):
        agent(chunk=1, execute=2)


def test_the_controller_asks_for_goals() -> None:
    data = walk()
    made = agent(goals=True)
    state = init(made, data, key=jax.random.key(0))
    with pytest.raises(ConfigError, match="goal-conditioned; give act"):
        Controller(made, state, 1, key=jax.random.key(0)).act(np.zeros((1, 2), np.float32))


def test_the_density_of_a_chunk_is_that_of_its_actions_together() -> None:
    data = walk()
    made = Agent(Stage(Behaviour(chunk=3), Gaussian(SMALL), Unguided()), batch_size=16)
    policy = Policy(made, init(made, data, key=jax.random.key(0)), data.spec)
    chunk = np.linspace(-0.5, 0.5, 6, dtype=np.float32)
    density = policy.log_prob(np.zeros(2, np.float32), chunk)
    mean = policy.agent.stages[0].policy.mode(policy.state.stages[0].net, jnp.zeros(2), Unguided().plain(None))
    expected = -0.5 * np.sum((chunk - mean) ** 2) - 3 * np.log(2 * np.pi)
    np.testing.assert_allclose(density.log_prob, expected, rtol=1e-5)


def test_a_low_stage_may_generate_chunks() -> None:
    data = walk()
    high = Stage(Subgoals(steps=3), FlowMatching(SMALL, steps=2), Unguided(), name="high")
    low = Stage(Goals("offset", steps=3, chunk=4), FlowMatching(SMALL, steps=2), Unguided(), name="low")
    made = Agent((high, low), batch_size=16, execute=2)
    state = train(made, data, steps=2, key=jax.random.key(0), chunk=2)
    controller = Policy(made, state, data.spec).controller(2)
    assert controller.act(np.zeros((2, 2), np.float32), goal=np.zeros((2, 2), np.float32)).shape == (2, 2)


def test_chunks_where_nothing_executes_them_are_refused() -> None:
    with pytest.raises(ConfigError, match="IQL values single actions: leave labeler.goals.chunk at 1"):
        IQL(goals=Goals(chunk=4))
    high = Stage(Goals(chunk=2), FlowMatching(SMALL), Unguided(), name="high")
    low = Stage(Goals(), FlowMatching(SMALL), Unguided(), name="low")
    with pytest.raises(ConfigError, match="Stage 'high' gives chunks, but only the last stage's actions are executed"):
        Agent((high, low))


def pictured() -> Data:
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (20, 4, 4, 1)).astype(np.uint8)
    return Data.from_arrays(pictures, rng.uniform(-1, 1, (20, 2)).astype(np.float32), np.tile([0.0] * 4 + [1.0], 4))


def test_images_are_bytes_however_they_are_handed_over() -> None:
    """And goals that are images: one for all rows, or one a row."""
    data = pictured()
    made = Agent(Stage(Goals(), Gaussian(SMALL), Unguided("mode")), batch_size=4)
    policy = Policy(made, init(made, data, key=jax.random.key(0)), data.spec)
    picture, key = data.columns["observations"][3], jax.random.key(0)
    expected = policy.act(picture, goal=picture, key=key)
    for same in (picture.astype(np.int64), picture.tolist()):
        np.testing.assert_array_equal(policy.act(same, goal=same, key=key), expected)
    for call in (policy.act, lambda o, goal, key: policy.controller(1).act(o[None], goal=goal[None])):
        with pytest.raises(ConfigError, match="Images are given as whole numbers from 0 to 255"):
            call(picture.astype(np.float32) / 255, goal=picture, key=key)
    batch = data.columns["observations"][:5]
    each = policy.act(batch, goal=batch, key=key)
    np.testing.assert_allclose(policy.act(batch[3:4], goal=picture, key=key)[0], each[3], atol=1e-6)
    one = policy.act(batch, goal=picture, key=key)
    assert one.shape == (5, 2)
    np.testing.assert_allclose(policy.controller(5).act(batch, goal=batch), each, atol=1e-6)


def test_bytes_that_are_no_image_are_numbers() -> None:
    rows = np.tile(np.arange(5, dtype=np.uint8)[:, None], (4, 3))
    data = Data.from_arrays(rows, np.zeros((20, 1), np.float32), np.tile([0.0] * 4 + [1.0], 4))
    assert data.columns["observations"].dtype == np.float32
    np.testing.assert_array_equal(data.columns["observations"], rows)
