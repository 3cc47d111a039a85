"""OGBench's environments: the seed decides everything, and nothing is left behind."""

import contextlib
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from cfgrl import ConfigError
from cfgrl_plugins.datasets._ogbench.environment import OGBenchEnvironment
from cfgrl_plugins.datasets._ogbench.names import ENTRIES
from cfgrl_plugins.datasets._ogbench.relabel import Relabel
from cfgrl_plugins.datasets.ogbench import OGBench


def play(environment: OGBenchEnvironment, task: str, seed: int, steps: int = 25) -> list[np.ndarray]:
    observation, goal = environment.reset(task, seed)
    assert goal is not None
    rng = np.random.default_rng(seed)
    width = environment._env.action_space.shape[0]
    return [observation, goal, *(environment.step(rng.uniform(-1, 1, width)).observation for _ in range(steps))]


@pytest.mark.parametrize("name", ["pointmaze-medium-v0", "antmaze-medium-v0", "antsoccer-arena-v0", "cube-single-v0"])
def test_the_seed_decides_everything(name: str) -> None:
    environment = OGBenchEnvironment(name)
    np.random.seed(1)
    first = play(environment, "task1", 3)
    other = play(environment, "task2", 4)
    np.random.seed(2)
    again = play(environment, "task1", 3)
    fresh = OGBenchEnvironment(name)
    anew = play(fresh, "task1", 3)
    for one, two, three in zip(first, again, anew, strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, three)
    assert not np.array_equal(first[0], other[0]) and not np.array_equal(first[0], play(fresh, "task1", 5)[0])
    environment.close()
    fresh.close()


def walk_into_teleport(environments: list[OGBenchEnvironment], seeds: list[int]) -> list[list[np.ndarray]]:
    """Start beside a teleporter, walk in, and once out again: which way out is random. One step each in turn."""
    paths: list[list[np.ndarray]] = [[] for _ in environments]
    for environment, seed in zip(environments, seeds, strict=True):
        environment.reset("task1", seed)
    for step in range(40):
        for environment, path in zip(environments, paths, strict=True):
            if step % 4 == 0:
                environment._simulation.set_xy(np.array(environment._teleports[0]) + (0.0, 2.0))
            environment.step(np.array([0.0, -1.0]))
            path.append(np.array(environment.position()))
    return paths


def test_interleaved_environments_do_not_disturb_each_other_nor_the_caller() -> None:
    environments = [OGBenchEnvironment("pointmaze-teleport-v0") for _ in range(2)]
    alone = [
        walk_into_teleport([environment], [seed])[0] for environment, seed in zip(environments, (7, 8), strict=True)
    ]
    np.random.seed(0)
    before = np.random.get_state(legacy=False)
    together = walk_into_teleport(environments, [7, 8])
    after = np.random.get_state(legacy=False)
    np.testing.assert_array_equal(alone, together)
    assert not np.array_equal(together[0], together[1])
    assert len(np.unique(np.round(together[0], 3), axis=0)) > 4
    assert before["state"]["pos"] == after["state"]["pos"]
    np.testing.assert_array_equal(before["state"]["key"], after["state"]["key"])
    for environment in environments:
        environment.close()


def test_a_walk_to_the_goal_succeeds_and_ends_the_episode() -> None:
    environment = OGBenchEnvironment("pointmaze-medium-v0")
    _, goal = environment.reset("task1", 0)
    result = environment.step(np.zeros(2))
    assert not result.success and not result.done and result.reward == 0.0
    for _ in range(300):
        position = environment.position()
        subgoal, _ = environment._simulation.get_oracle_subgoal(position, goal)
        result = environment.step(10 * (subgoal - position))
        if result.done:
            break
    assert result.success and result.reward == 1.0
    assert np.linalg.norm(result.observation - goal) <= 1.0
    environment.close()


def test_actions_are_clipped() -> None:
    environment = OGBenchEnvironment("pointmaze-medium-v0")
    start, _ = environment.reset("task1", 0)
    reached = environment.step(np.array([100.0, 0.0])).observation
    assert reached[0] - start[0] <= 0.2 + 1e-5
    environment.close()


def test_walls_are_the_blocks_of_the_maze() -> None:
    environment = OGBench("pointmaze-medium-navigate-v0").environment()
    walls = environment.walls()
    assert walls is not None and walls.shape == (38, 4)
    np.testing.assert_array_equal(walls[0], (-6.0, -6.0, 4.0, 4.0))
    for task in ("task1", "task4"):
        start, goal = environment.reset(task, 0)
        assert goal is not None
        for x, y in (start, goal):
            assert not ((walls[:, 0] < x) & (x < walls[:, 0] + 4) & (walls[:, 1] < y) & (y < walls[:, 1] + 4)).any()
    environment.close()
    table = OGBenchEnvironment("cube-single-v0")
    table.reset("task1", 0)
    assert table.walls() is None and table.position() is None
    table.close()


def test_an_unknown_task_is_refused() -> None:
    environment = OGBenchEnvironment("pointmaze-medium-v0")
    with pytest.raises(ConfigError, match="no task 'task9'; the tasks are task1, task2, task3, task4, task5"):
        environment.reset("task9", 0)
    environment.close()


def test_nothing_is_left_and_nothing_is_said(tmp_path: pathlib.Path) -> None:
    code = (
        "import os; from cfgrl_plugins.datasets.ogbench import OGBench; import numpy as np\n"
        "for name in ('antmaze-medium-navigate-v0', 'cube-single-play-v0'):\n"
        "    opened = len(os.listdir('/proc/self/fd'))\n"
        "    env = OGBench(name).environment()\n"
        "    env.reset('task1', 0); env.step(np.zeros(env._env.action_space.shape)); env.close()\n"
        "assert len(os.listdir('/proc/self/fd')) <= opened + 1, os.listdir('/proc/self/fd')\n"
    )
    environment = {"TMPDIR": str(tmp_path), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path / "home")}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert list(tmp_path.glob("*.xml")) == []


@pytest.mark.parametrize(
    "file",
    [
        "pointmaze-medium-navigate-v0",
        "antmaze-large-navigate-v0",
        "antsoccer-arena-navigate-v0",
        "cube-double-play-v0",
        "scene-play-v0",
        "puzzle-3x3-play-v0",
    ],
)
def test_goals_in_the_data_are_goals_in_the_environment(file: str) -> None:
    """The representation of a recorded state is what the environment would give for it as a goal."""
    entry = ENTRIES[file]
    environment = OGBenchEnvironment(entry.environment)
    _, goal = environment.reset("task1", 0)
    simulation = environment._simulation
    assert goal is not None and goal.shape == (entry.widths.goal,)
    if entry.family in ("cube", "scene", "puzzle"):
        current = simulation.compute_oracle_observation()
        states = {
            "qpos": simulation.data.qpos[None].copy(),
            "button_states": getattr(simulation, "_cur_button_states", np.zeros(0, int))[None].copy(),
        }
    else:
        current = simulation.get_agent_ball_xy()[1] if entry.family == "antsoccer" else simulation.get_xy()
        states = {"qpos": simulation.data.qpos[None].copy()}
    with contextlib.closing(Relabel(entry, None)) as relabel:
        found = relabel(states, source="test")["goals"]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[0], current, rtol=1e-6)
    environment.close()
