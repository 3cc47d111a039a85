"""The rooms: rules of the library, the laws of motion, and tasks that can be solved."""

import dataclasses

import numpy as np
import pytest
from cfgrl_example_rooms.environment import STEPS, TASKS, RoomsEnvironment
from cfgrl_example_rooms.explorer import direction, explore
from cfgrl_example_rooms.plan import DRAG, THRUST, anywhere, blocked, move
from cfgrl_example_rooms.rooms import Rooms

from cfgrl import ConfigError
from cfgrl.testing import parametrize_with_checks


@parametrize_with_checks([Rooms, Rooms(size=10, seed=3)])
def test_the_data_set_keeps_the_rules(component, check):
    """What every data set has to keep."""
    check(component)


def test_motion_is_the_geometric_series():
    """From rest, n steps of thrust a give v = THRUST·a·(1 − DRAGⁿ)/(1 − DRAG), and the places are their sum."""
    action, steps = np.array((0.5, -1.0)), 8
    position, velocity = np.array((1.0, 0.8)), np.zeros(2)
    for _ in range(steps):
        position, velocity = move(position, velocity, action)
    top = THRUST * action / (1.0 - DRAG)
    np.testing.assert_allclose(velocity, top * (1.0 - DRAG**steps))
    travelled = top * (steps - DRAG * (1.0 - DRAG**steps) / (1.0 - DRAG))
    np.testing.assert_allclose(position, (1.0, 0.8) + travelled)


def test_thrust_is_bounded():
    """An action beyond the box does what the action at its border does."""
    rest = np.zeros(2)
    np.testing.assert_array_equal(move(rest, rest, np.array((9.0, -9.0))), move(rest, rest, np.array((1.0, -1.0))))


@pytest.mark.parametrize(
    ("start", "push", "passes"), [((-0.5, 0.5), (1, 0), True), ((-0.5, 0), (1, 0), False), ((0.5, 0.9), (-1, 0), False)]
)
def test_the_rooms_are_joined_by_the_door_alone(start, push, passes):
    """Pushed straight at the wall between the rooms, a point passes where the door is and stops elsewhere."""
    position, velocity = np.array(start, float), np.zeros(2)
    for _ in range(30):
        position, velocity = move(position, velocity, np.array(push, float))
    assert (position[0] * start[0] < 0) == passes
    assert passes or (velocity[0] == 0.0 and 0.1 <= abs(position[0]) <= 0.2)


def test_a_point_slides_along_a_wall():
    """The component along the wall goes on as if there were none."""
    against, free = ((np.array((x, -0.9)), np.zeros(2)) for x in (2.1, 1.0))
    for _ in range(5):
        against = move(*against, np.array((1.0, 1.0)))
        free = move(*free, np.array((0.0, 1.0)))
    assert against[0][0] == 2.1 and against[1][0] == 0.0
    assert against[0][1] == free[0][1] and against[1][1] == free[1][1]


def test_the_data_are_what_the_explorer_did():
    """Each row follows from the one before by the laws of motion, no row is in a wall, and both rooms are visited."""
    episodes, rows = 12, 60
    arrays = explore(episodes, rows, np.random.default_rng(0))
    seen, acted = (arrays[name].reshape(episodes, rows, -1) for name in ("observations", "actions"))
    position, velocity = move(seen[:, :-1, :2], seen[:, :-1, 2:], acted[:, :-1])
    # Recorded places are rounded to 32 bits: a point that touches a wall may seem to be a little inside it.
    near = np.abs(np.concatenate([position, velocity], axis=-1) - seen[:, 1:]).max(axis=-1) < 1e-5
    assert near.mean() > 0.99
    assert not blocked(seen[..., :2] * (1 - 1e-6)).any()
    assert (seen[..., 0] < 0).any() and (seen[..., 0] > 0).any()
    np.testing.assert_array_equal(arrays["goals"], arrays["observations"][:, :2])
    assert np.flatnonzero(arrays["terminals"]).tolist() == list(range(rows - 1, episodes * rows, rows))


def test_the_seed_decides_the_data():
    """The same seed gives the same bytes, another one others; validation is not training over again."""
    data = Rooms(size=10)
    digest = data.provenance()["record"]["sha256"]
    assert digest == Rooms(size=10).provenance()["record"]["sha256"]
    assert digest != dataclasses.replace(data, seed=1).provenance()["record"]["sha256"]
    training, validation = data.load()
    assert (training.n_episodes, validation.n_episodes) == (10, 1)
    first = {name: column[: len(validation.columns[name])] for name, column in training.columns.items()}
    assert any((first[name] != column).any() for name, column in validation.columns.items())


@pytest.mark.parametrize("task", TASKS)
def test_a_task_can_be_solved(task):
    """The explorer's own rule, without noise, reaches every goal in time; standing still reaches none."""
    environment = RoomsEnvironment()
    for seed in range(5):
        _, goal = environment.reset(task, seed)
        steps = 0
        while True:
            result = environment.step(direction(environment.position(), goal.astype(float)))
            steps += 1
            assert result.reward == float(result.success) - 1.0
            if result.done:
                break
        assert result.success and steps < STEPS, f"seed {seed}: {steps} steps"
        environment.reset(task, seed)
        results = [environment.step(np.zeros(2)) for _ in range(STEPS)]
        assert [r.done for r in results] == [False] * (STEPS - 1) + [True] and not results[-1].success


def test_tasks_begin_and_end_outside_the_walls():
    """Wherever the seed moves them, starts and goals are free; so is every place that the explorer heads for."""
    environment = RoomsEnvironment()
    for task in TASKS:
        for seed in range(50):
            _, goal = environment.reset(task, seed)
            assert not blocked(np.stack([environment.position(), goal])).any()
    assert not blocked(anywhere(np.random.default_rng(0), 1000)).any()
    assert environment.walls().shape == (6, 4)


def test_an_unknown_task_is_refused():
    """With the names of those that there are."""
    with pytest.raises(ConfigError, match="the tasks are left, right, through, back"):
        RoomsEnvironment().reset("upstairs", 0)
