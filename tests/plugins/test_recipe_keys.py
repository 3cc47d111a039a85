"""`cfgrl data generate NAME KEY=VALUE`: numbers of a published recipe that may be others, and what stays as it was."""

import json
import math
import os
import pathlib
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from cfgrl import ConfigError, DataError, Dataset
from cfgrl.data import _dataset
from cfgrl_plugins.datasets._ogbench import pointmaze, recipes
from cfgrl_plugins.datasets._ogbench.names import ENTRIES
from cfgrl_plugins.datasets._ogbench.pointmaze import Cell, PointMazeRecipe, Walker
from cfgrl_plugins.datasets._ogbench.recipe import Range
from cfgrl_plugins.datasets.ogbench import OGBench

NAME = "pointmaze-medium-stitch-v0"
KINDS = pytest.mark.parametrize("kind", ["navigate", "stitch"])


def walker(kind: Any, rows: int = 1, **numbers: float) -> Walker:
    maker = PointMazeRecipe("pointmaze-medium-v0", kind, 1, rows).changed("it", numbers).maker()
    assert isinstance(maker, Walker)
    return maker


def as_published(walker: Walker, kind: str, rows: int, seed: tuple[int, ...]) -> tuple[np.ndarray, int]:
    """Actions by the draws of the published recipe, in their order, and how many goals there were."""
    own, shared = np.random.SeedSequence(seed).spawn(2)
    rng, maze, goals = np.random.default_rng(own), walker._maze, 1
    np.random.set_state(dict(np.random.MT19937(shared).state))
    free, places = pointmaze.free_cells(maze.maze_map)
    start = free[rng.integers(len(free))]
    options = places if kind == "navigate" else pointmaze.cells_at(maze.maze_map, start, 4)
    goal = options[rng.integers(len(options))]
    maze.action_space.seed(int(rng.integers(2**31)))
    maze.reset(seed=int(rng.integers(2**31)), options={"task_info": {"init_ij": start, "goal_ij": goal}})
    noise, actions = rng.normal(0.0, 0.5, (rows, 2)), []
    for step in range(rows):
        xy = maze.data.qpos.copy()
        way = np.array(maze.get_oracle_subgoal(xy, maze.cur_goal_xy)[0]) - xy
        actions.append(np.clip(way / (math.hypot(*way) + 1e-6) + noise[step], -1.0, 1.0))
        if maze.step(actions[-1])[4]["success"] and kind == "navigate":
            maze.set_goal(goal_xy=maze.add_noise(maze.ij_to_xy(places[rng.integers(len(places))])))
            goals += 1
    return np.array(actions, np.float32), goals


@KINDS
def test_the_published_numbers_give_what_they_gave(kind: str) -> None:
    made = walker(kind, 500).episode((4, 0, 7))
    expected, goals = as_published(walker(kind, 500), kind, 500, (4, 0, 7))
    np.testing.assert_array_equal(made["actions"], expected)
    assert (goals > 1) == (kind == "navigate")
    said = walker(kind, 500, noise=0.5, coverage=1.0).episode((4, 0, 7))
    assert said.tobytes() == made.tobytes()


def test_without_noise_actions_are_unit_steps_to_the_subgoal(monkeypatch: pytest.MonkeyPatch) -> None:
    oracle, ways, ask = walker("navigate", 200, noise=-0.0), [], Walker.subgoal

    def noted(self: Walker, xy: tuple[float, float]) -> tuple[float, float]:
        ways.append(np.subtract(ask(self, xy), xy))
        return ask(self, xy)

    monkeypatch.setattr(Walker, "subgoal", noted)
    actions = oracle.episode((0, 0, 0))["actions"]
    directions = np.array(ways) / np.linalg.norm(ways, axis=1, keepdims=True)
    np.testing.assert_allclose(actions, directions, atol=1e-4)


def test_more_noise_spreads_actions_more() -> None:
    spreads = [
        np.diff(walker("navigate", 300, noise=noise).episode((0, 0, 0))["actions"], axis=0).var()
        for noise in (0.0, 0.2, 0.5, 2.0)
    ]
    assert all(2 * lower < higher for lower, higher in zip(spreads, spreads[1:], strict=False)), spreads


def cells(kind: str, coverage: float, *, split: int = 0, episodes: int = 150) -> list[tuple[Cell, Cell]]:
    """Where episodes start, and where they go first."""
    oracle, found = walker(kind, coverage=coverage), []
    for index in range(episodes):
        start = oracle._maze.xy_to_ij(oracle.episode((9, split, index))["qpos"][0])
        found.append((start, oracle._maze.xy_to_ij(oracle._maze.cur_goal_xy)))
    return found


@KINDS
def test_coverage_is_a_part_of_the_maze_that_all_episodes_share(kind: str) -> None:
    maze = walker(kind)._maze.maze_map
    free, places = map(set, pointmaze.free_cells(maze))
    third, more, validation = cells(kind, 0.3), cells(kind, 0.6), cells(kind, 0.3, split=1)
    starts, wide = {start for start, _ in third}, {start for start, _ in more}
    assert starts == {start for start, _ in validation} and len(starts) == math.ceil(0.3 * len(free))
    assert starts < wide < free and len(wide) == math.ceil(0.6 * len(free))
    goals = {goal for _, goal in third}
    if kind == "navigate":
        assert len(goals) == math.ceil(0.3 * len(places)) and goals == {goal for _, goal in validation}
        assert goals < {goal for _, goal in more} < places
    else:
        assert goals <= starts
        for start, goal in third:
            among = starts.intersection(pointmaze.cells_at(maze, start, 4))
            assert goal in (among or {start})


def test_another_seed_covers_another_part() -> None:
    oracle = walker("navigate", coverage=0.3)
    assert oracle._covered(0) == oracle._covered(0) != oracle._covered(1)
    whole = walker("navigate")
    assert whole._covered(0) == (whole._free, whole._places) == whole._covered(1)


def test_a_share_is_rounded_up_and_never_nothing() -> None:
    line = [(0, i) for i in range(100)]
    for share, count in ((0.07, 7), (0.071, 8), (1e-12, 1), (1.0, 100)):
        assert pointmaze.first_share(line, line[::-1], share) == line[100 - count :]


def test_a_record_says_what_is_not_as_published(tmp_path: pathlib.Path, capfd: pytest.CaptureFixture[str]) -> None:
    made = OGBench(NAME)
    path = made.generate(tmp_path, episodes=1, seed=0, recipe={"noise": 0.2, "coverage": 0.25})
    record = json.loads((tmp_path / f"{NAME}.json").read_text())["recipe"]
    assert (record["noise"], record["coverage"]) == (0.2, 0.25)
    assert made.generate(tmp_path, episodes=1, seed=0, recipe={"coverage": 0.25, "noise": 0.2}) == path
    assert "already there, made the same way" in capfd.readouterr().err
    for other in ({}, {"noise": 0.2}, {"noise": 0.2, "coverage": 0.5}):
        with pytest.raises(DataError, match=f"{path} was made with another recipe: choose another folder with --dir"):
            made.generate(tmp_path, episodes=1, seed=0, recipe=other)


def test_records_of_earlier_versions_stay_true(tmp_path: pathlib.Path, capfd: pytest.CaptureFixture[str]) -> None:
    recipe = recipes.published(ENTRIES[NAME])
    assert recipe is not None and recipes.from_text(recipes.to_text(recipe)) == recipe
    assert list(recipe.described()) == ["environment", "kind", "episodes", "rows", "noise", "stitch_distance"]
    OGBench(NAME).generate(tmp_path, episodes=1, seed=0)
    assert "coverage" not in (tmp_path / f"{NAME}.json").read_text()
    OGBench(NAME).generate(tmp_path, episodes=1, seed=0, recipe={"coverage": 1.0})
    assert "already there" in capfd.readouterr().err


def test_ranges_say_what_they_hold() -> None:
    noise, coverage = Range(0.0), Range(0.0, 1.0, open=True)
    assert noise.holds(0.0) and not any(map(noise.holds, (-1e-9, math.inf, math.nan)))
    assert coverage.holds(1.0) and not any(map(coverage.holds, (0.0, 1.01, math.nan)))
    assert (str(noise), str(coverage)) == ("a finite number of at least 0", "a number in (0, 1]")


class Older(Dataset):
    """Of a plugin that knows nothing of recipes."""

    name = "older-v0"
    load = provenance = None  # pyright: ignore[reportAssignmentType]

    def generate(self, directory: pathlib.Path | None, *, episodes: int | None, seed: int) -> pathlib.Path:
        return pathlib.Path(f"{directory}-{episodes}-{seed}")


def test_a_class_without_recipes_is_asked_as_before_or_not_at_all() -> None:
    assert str(_dataset.generate(Older(), None, episodes=2, seed=1, recipe={})) == "None-2-1"
    with pytest.raises(ConfigError, match="data set older-v0 has no recipe that can be changed: leave out noise"):
        _dataset.generate(Older(), None, episodes=2, seed=1, recipe={"noise": 1.0})


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([NAME, "nois=0.2"], f"recipe of {NAME} has no key 'nois'; did you mean 'noise'? (keys: noise, coverage)"),
        ([NAME, "noise=-0.1"], "noise is a finite number of at least 0, not -0.1"),
        ([NAME, "noise=inf"], "noise is a finite number of at least 0, not inf"),
        ([NAME, "--seed", "1", "coverage=0"], "coverage is a number in (0, 1], not 0"),
        ([NAME, "coverage=nan"], "coverage is a number in (0, 1], not nan"),
        ([NAME, "noise=loud"], "Not of the form KEY=VALUE with a number, such as noise=0.2: noise=loud"),
        ([NAME, "noise"], "Not of the form KEY=VALUE"),
        (["cube-single-play-v0", "noise=0.2"], "cube-single-play-v0 has no number that can be changed"),
        (["walker-random-run", "noise=0.2"], "walker-random-run has no recipe that can be changed: leave out noise"),
    ],
)
def test_a_wrong_key_or_value_is_one_message(tmp_path: pathlib.Path, words: list[str], says: str) -> None:
    command = [sys.executable, "-m", "cfgrl", "data", "generate", *words, "--dir", str(tmp_path / "data")]
    result = subprocess.run(
        command, env={**os.environ, "HOME": str(tmp_path)}, capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 2 and says in result.stderr, result.stderr
    assert len(result.stderr.splitlines()) == 1 and not (tmp_path / "data").exists()
