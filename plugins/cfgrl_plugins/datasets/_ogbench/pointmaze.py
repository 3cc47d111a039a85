"""OGBench's published recipe for point-maze data: an oracle walks through the maze, with noise on its actions.

`navigate` starts in any free cell and walks to cells that are not corridors, one after another; `stitch` walks to a
cell four steps away and stays there. The direction is the package's own `get_oracle_subgoal`.

Two numbers vary the quality of the data: the noise, and the share of the cells that episodes start from and head for.
On the way an episode may still cross any cell.

Reference: Park et al., OGBench: Benchmarking Offline Goal-Conditioned RL, 2025, and the repository's
`data_gen_scripts/generate_locomaze.py` and `commands.sh`.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np

from .recipe import Maker, Range, Recipe, row_type, seeded
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
    - `coverage`: share of the cells that episodes start from and head for; 1 as published.
    """

    changeable: ClassVar[Mapping[str, Range]] = {"noise": Range(0.0), "coverage": Range(0.0, 1.0, open=True)}
    younger: ClassVar[frozenset[str]] = frozenset({"coverage"})

    kind: Literal["navigate", "stitch"]
    noise: float = 0.5
    stitch_distance: int = 4
    coverage: float = 1.0

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
        rng = seeded(seed)
        recipe, maze = self._recipe, self._maze
        free, places = self._covered(seed[0])
        start = _pick(rng, free)
        options = places
        if recipe.kind == "stitch":
            options = [cell for cell in cells_at(maze.maze_map, start, recipe.stitch_distance) if cell in free]
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
                maze.set_goal(goal_xy=maze.add_noise(maze.ij_to_xy(_pick(rng, places))))
        return rows

    def _covered(self, seed: int) -> tuple[list[Cell], list[Cell]]:
        """The cells that episodes start from, and those that `navigate` heads for, which the data set's seed decides.

        It is one order for both, so that they are about the same part of the maze; as published they are all cells.
        """
        # A child of the seed that no episode has: those are the first and the second.
        order = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(2,))).permutation(len(self._free))
        shuffled = [self._free[int(i)] for i in order]
        share = self._recipe.coverage
        return first_share(self._free, shuffled, share), first_share(self._places, shuffled, share)

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


def first_share(cells: Sequence[Cell], order: Sequence[Cell], share: float) -> list[Cell]:
    """The first ceil(`share` · n) of n `cells`, and at least one, by their `order`; they stay as `cells` has them."""
    count = max(1, math.ceil(round(share * len(cells), 9)))  # rounded: 0.07 · 100 is a little more than 7
    among = set(cells)
    chosen = set([cell for cell in order if cell in among][:count])
    return [cell for cell in cells if cell in chosen]


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
