"""The single-task form: OGBench's own rewards and masks, row by row, and its own environment."""

import contextlib
import dataclasses
import pathlib
import warnings
from typing import Any

import gymnasium
import numpy as np
import ogbench
import pytest
from ogbench.relabel_utils import relabel_dataset

from cfgrl import ConfigError, DataError
from cfgrl_plugins.datasets import _files as files
from cfgrl_plugins.datasets._ogbench import generate, recipes
from cfgrl_plugins.datasets._ogbench.environment import OGBenchEnvironment
from cfgrl_plugins.datasets._ogbench.names import ENTRIES, TASKS
from cfgrl_plugins.datasets._ogbench.relabel import Relabel
from cfgrl_plugins.datasets._ogbench.simulator import open_simulator, single_task_name
from cfgrl_plugins.datasets.ogbench import OGBench

ROWS = 30
SETS = ("pointmaze-medium-navigate-v0", "cube-double-play-v0", "scene-play-v0", "puzzle-3x3-play-v0")


def single(file: str, task: str = "") -> str:
    return file.replace("-v0", f"-singletask{task and '-' + task}-v0")


def solve(simulation: Any, states: dict[str, np.ndarray], some: np.ndarray) -> None:
    """Change recorded states so that the rows where `some` is 1 solve the task, where it is 2 a part of it."""
    whole, part = np.flatnonzero(some == 1), np.flatnonzero(some)
    if hasattr(simulation, "maze_map"):
        states["qpos"][whole] = simulation.cur_goal_xy
        return
    if hasattr(simulation, "_num_cubes"):
        for cube, place in enumerate(simulation._data.mocap_pos):
            states["qpos"][part if cube == 0 else whole, 14 + 7 * cube : 17 + 7 * cube] = place
    if hasattr(simulation, "_target_button_states"):
        states["button_states"][part, 0] = simulation._target_button_states[0]
        states["button_states"][whole] = simulation._target_button_states
    if hasattr(simulation, "_target_drawer_pos"):
        states["qpos"][whole, -2:] = simulation._target_drawer_pos, simulation._target_window_pos


@pytest.mark.parametrize("file", SETS)
def test_rewards_and_masks_are_those_of_ogbench(file: str, tmp_path: pathlib.Path) -> None:
    recipe = recipes.published(ENTRIES[file])
    assert recipe is not None
    maker = dataclasses.replace(recipe, rows=ROWS).maker()
    path = tmp_path / f"{file}.npz"
    name = single(file, "task3")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        env: Any = ogbench.make_env_and_datasets(name, env_only=True)
        env.reset()
    for split, count in enumerate((2, 1)):
        columns = generate._columns(np.stack([maker.episode((0, split, index)) for index in range(count)]))
        columns = {name: column.copy() for name, column in columns.items()}
        some = np.random.default_rng(split).integers(0, 3, count * ROWS)
        solve(env.unwrapped, columns, some)
        files.write_npz(path if split == 0 else tmp_path / f"{file}-val.npz", columns)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = ogbench.make_env_and_datasets(name, dataset_path=str(path), dataset_only=True, cur_env=env)
    env.close()
    np.random.seed(4)
    before = np.random.get_state(legacy=False)["state"]["pos"]
    for data, said in zip(OGBench(name, dir=str(tmp_path)).load(), expected, strict=True):
        for column in ("rewards", "masks"):
            assert data.columns[column].dtype == np.float32
            np.testing.assert_array_equal(data.columns[column][data.transitions], said[column])
        np.testing.assert_array_equal(data.columns["goals"], data.columns["observations"])
        masks, rewards = data.columns["masks"], data.columns["rewards"]
        assert set(masks) == {0.0, 1.0}
        np.testing.assert_array_equal(masks == 0.0, rewards == 0.0)
        assert len(set(rewards)) == 2 if "maze" in file else len(set(rewards)) > 2
    assert np.random.get_state(legacy=False)["state"]["pos"] == before


def test_the_default_task_is_that_of_ogbench() -> None:
    sizes = {(entry.family, entry.layout): entry for entry in ENTRIES.values()}
    open_simulator("pointmaze-medium-v0").close()  # registers all names
    for entry in sizes.values():
        for task in TASKS:
            assert single_task_name(entry.environment, task) in gymnasium.registry
    for name in ("antsoccer-arena-navigate-v0", "cube-quadruple-play-v0", "scene-play-v0", "pointmaze-giant-stitch-v0"):
        assert_default(name)
    for layout in ("3x3", "4x4", "4x5", "4x6"):
        assert_default(f"puzzle-{layout}-noisy-v0")


def assert_default(file: str) -> None:
    env = open_simulator(ENTRIES[file].environment.replace("-v0", "-singletask-v0"))
    assert OGBench(single(file)).tasks == (f"task{env.unwrapped._reward_task_id}",)
    env.close()


def test_a_maze_is_stepped_as_ogbench_steps_it() -> None:
    name = "pointmaze-medium-navigate-singletask-task4-v0"
    ours = OGBench(name).environment()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = ogbench.make_env_and_datasets(name, env_only=True)
    outside = np.random.get_state()
    np.random.set_state(dict(np.random.MT19937(6).state))
    theirs.action_space.seed(6)
    expected, _ = theirs.reset(seed=6)
    np.random.set_state(outside)
    observation, goal = ours.reset("task4", 6)
    assert goal is None
    np.testing.assert_array_equal(observation, expected.astype(np.float32))
    target = theirs.unwrapped.cur_goal_xy
    inside = []
    for _ in range(400):
        place = theirs.unwrapped.get_xy()
        inside.append(np.linalg.norm(place - target) <= 1.0)
        action = np.clip(10 * (theirs.unwrapped.get_oracle_subgoal(place, target)[0] - place), -1.0, 1.0)
        expected, reward, terminated, truncated, info = theirs.step(action)
        result = ours.step(action)
        np.testing.assert_array_equal(result.observation, expected.astype(np.float32))
        assert result[1:] == (reward, terminated or truncated, bool(info["success"]))
        if result.done:
            break
    # By the state before the step: the step that reaches the goal still costs one, and the next one ends the episode.
    assert result.success and result.reward == 0.0 and inside[-2:] == [False, True]
    ours.close()
    theirs.close()


@pytest.mark.parametrize("file", SETS[1:])
def test_the_environment_rewards_what_the_file_would_be_rewarded(file: str) -> None:
    """A step's reward is that of the row it starts at, and so is, one step later on the arm, success."""
    environment = OGBench(single(file, "task3")).environment()
    assert isinstance(environment, OGBenchEnvironment)
    assert environment.reset("task3", 2)[1] is None
    simulation = environment._simulation
    states: dict[str, list[np.ndarray]] = {"qpos": [], "button_states": []}
    results = []
    for step in range(8):
        if step >= 2:
            now = {"qpos": simulation.data.qpos[None], "button_states": buttons(simulation)[None]}
            solve(simulation, now, np.array([2 if step < 4 else 1]))
        states["qpos"].append(simulation.data.qpos.copy())
        states["button_states"].append(buttons(simulation).copy())
        results.append(environment.step(np.array([0.0, 0.0, 1.0, 0.0, 0.0])))
    columns = {name: np.array(rows) for name, rows in states.items()}
    relabel_dataset(file, environment._env, columns)
    environment.close()
    np.testing.assert_array_equal([result.reward for result in results], columns["rewards"])
    solved = list(columns["masks"] == 0.0)
    assert solved == [False] * 4 + [True] * 4
    assert [result.success for result in results] == [False, *solved[:-1]]
    assert [result.done for result in results] == [result.success for result in results]


def buttons(simulation: Any) -> np.ndarray:
    return getattr(simulation, "_cur_button_states", np.zeros(1, int))


def test_only_the_one_task_is_known() -> None:
    environment = OGBench("pointmaze-medium-navigate-singletask-task2-v0").environment()
    with pytest.raises(ConfigError, match="no task 'task1'; the only task is task2"):
        environment.reset("task1", 0)
    environment.close()


@pytest.mark.parametrize(
    ("file", "states", "says"),
    [
        ("puzzle-3x3-play-v0", {"qpos": np.zeros((4, 23))}, "has no array button_states"),
        ("puzzle-3x3-play-v0", {"button_states": np.zeros((4, 1))}, r"button_states has shape \(4, 1\)"),
        ("cube-double-play-v0", {"qpos": np.zeros((4, 21))}, r"qpos has shape \(4, 21\), which is not that of cube"),
        ("pointmaze-medium-stitch-v0", {"qpos": np.full((4, 2), np.nan)}, "qpos, row 0, is not finite"),
    ],
)
def test_states_that_give_no_rewards_are_refused(file: str, states: dict[str, np.ndarray], says: str) -> None:
    with contextlib.closing(Relabel(ENTRIES[file], "task1")) as relabel, pytest.raises(DataError, match=says):
        relabel(states, source="file.npz")
