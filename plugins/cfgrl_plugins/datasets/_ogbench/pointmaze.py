"""OGBench's published recipe for point-maze data: an oracle walks through the maze, with noise on its actions.

`navigate` starts in any free cell and walks to cells that are not corridors, one after another; `stitch` walks to a
cell four steps away and stays there. The direction is the package's own `get_oracle_subgoal`.

Reference: Park et al., OGBench: Benchmarking Offline Goal-Conditioned RL, 2025, and the repository's
`data_gen_scripts/generate_locomaze.py` and `commands.sh`.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from .recipe import Maker, Recipe, row_type
from .simulator import open_simulator

Cell = tuple[int, int]
_NEIGHBOURS = ((-1, 0), (0, -1), (1, 0), (0, 1))


@dataclasses.dataclass(frozen=True)
class PointMazeRecipe(Recipe):
    """How one data set of a point maze is made.

    **Arguments:**

    - `environment`, `kind`, `episodes`, `rows`: as in `Recipe`; `kind` is `navigate` or `stitch`.
    - `noise`: standard deviation of the noise on actions.
    - `stitch_distance`: cells between start and goal in `stitch`.
    """

    kind: Literal["navigate", "stitch"]
    noise: float = 0.5
    stitch_distance: int = 4

    @property
    def row(self) -> np.dtype:
        return row_type(observation=2, action=2, qpos=2, qvel=2)

    def maker(self) -> "Walker":
        return Walker(self)


def published_recipe(environment: str, layout: str, kind: str) -> PointMazeRecipe:
    """The sizes that OGBench published."""
    if kind == "stitch":
        return PointMazeRecipe(environment, "stitch", episodes=5000, rows=201)
    if layout == "giant":
        return PointMazeRecipe(environment, "navigate", episodes=500, rows=2001)
    return PointMazeRecipe(environment, "navigate", episodes=1000, rows=1001)


class Walker(Maker):
    """The oracle in its maze; one episode at a time."""

    def __init__(self, recipe: PointMazeRecipe):
        self._recipe = recipe
        self._maze = open_simulator(recipe.environment, terminate_at_goal=False).unwrapped
        self._free, self._places = free_cells(self._maze.maze_map)
        self._subgoals: dict[tuple[Cell, Cell], tuple[float, float]] = {}

    def episode(self, seed: Sequence[int]) -> np.ndarray:
        own, shared = np.random.SeedSequence(seed).spawn(2)
        rng = np.random.default_rng(own)
        np.random.set_state(dict(np.random.MT19937(shared).state))
        recipe, maze = self._recipe, self._maze
        start = _pick(rng, self._free)
        options = self._places if recipe.kind == "navigate" else cells_at(maze.maze_map, start, recipe.stitch_distance)
        goal = _pick(rng, options) if options else start
        maze.action_space.seed(int(rng.integers(2**31)))
        task = {"task_info": {"init_ij": start, "goal_ij": goal}}
        observation, _ = maze.reset(seed=int(rng.integers(2**31)), options=task)
        noise = rng.normal(0.0, recipe.noise, (recipe.rows, 2))
        rows = np.empty(recipe.rows, recipe.row)
        for step in range(recipe.rows):
            action = np.clip(self._direction() + noise[step], -1.0, 1.0)
            following, _, _, _, info = maze.step(action)
            rows[step] = (observation, action, info["prev_qpos"], info["prev_qvel"])
            observation = following
            if info["success"] and recipe.kind == "navigate":
                maze.set_goal(goal_xy=maze.add_noise(maze.ij_to_xy(_pick(rng, self._places))))
        return rows

    def _direction(self) -> np.ndarray:
        """Unit vector towards the oracle's subgoal."""
        x, y = self._maze.data.qpos
        target_x, target_y = self.subgoal((x, y))
        dx, dy = target_x - x, target_y - y
        return np.array((dx, dy)) / (math.hypot(dx, dy) + 1e-6)

    def subgoal(self, xy: tuple[float, float]) -> tuple[float, float]:
        """What `get_oracle_subgoal` answers; it depends on the two cells alone, so that each pair is asked for once."""
        pair = (self._maze.xy_to_ij(xy), self._maze.xy_to_ij(self._maze.cur_goal_xy))
        if pair not in self._subgoals:
            point, _ = self._maze.get_oracle_subgoal(xy, self._maze.cur_goal_xy)
            self._subgoals[pair] = (float(point[0]), float(point[1]))
        return self._subgoals[pair]


def free_cells(maze: np.ndarray) -> tuple[list[Cell], list[Cell]]:
    """All free cells, and those that are not corridors (free on two opposite sides, walled on the other two)."""
    free = [(int(i), int(j)) for i, j in np.argwhere(maze == 0)]

    def is_corridor(i: int, j: int) -> bool:
        vertical, horizontal = (maze[i - 1, j], maze[i + 1, j]), (maze[i, j - 1], maze[i, j + 1])
        return (vertical, horizontal) in (((0, 0), (1, 1)), ((1, 1), (0, 0)))

    return free, [cell for cell in free if not is_corridor(*cell)]


def cells_at(maze: np.ndarray, start: Cell, distance: int) -> list[Cell]:
    """The free cells whose shortest path from `start` has `distance` steps."""
    reached, ring = {start}, [start]
    for _ in range(distance):
        around = [(i + di, j + dj) for i, j in ring for di, dj in _NEIGHBOURS]
        ring = [c for c in dict.fromkeys(around) if c not in reached and maze[c] == 0]
        reached.update(ring)
    return ring


def _pick(rng: np.random.Generator, cells: Sequence[Any]) -> Any:
    return cells[int(rng.integers(len(cells)))]
