"""Data of the arm: OGBench's published recipe, and an episode that its seed alone decides."""

import dataclasses
import functools
import json
import pathlib
from typing import Any

import numpy as np
import ogbench
import pytest

from cfgrl_plugins.datasets._ogbench import manipulation, recipes
from cfgrl_plugins.datasets._ogbench.generate import generate
from cfgrl_plugins.datasets._ogbench.manipulation import ManipulationRecipe, Player
from cfgrl_plugins.datasets._ogbench.names import ENTRIES
from cfgrl_plugins.datasets.ogbench import OGBench

SCENE = "scene-play-v0"
ROWS = 40


def short(environment: str, kind: str, rows: int = ROWS, **changes: Any) -> ManipulationRecipe:
    return dataclasses.replace(manipulation.published_recipe(environment, kind), rows=rows, **changes)


@functools.cache
def table(environment: str) -> Player:
    return short(environment, "play").maker()


def play(recipe: ManipulationRecipe, seed: tuple[int, ...]) -> np.ndarray:
    """An episode by the one open simulator of the environment."""
    maker = table(recipe.environment)
    maker._recipe = recipe
    return maker.episode(seed)


def shorten(patch: pytest.MonkeyPatch) -> None:
    """Episodes of 40 rows, for `generate`."""
    published = recipes.published
    patch.setattr(recipes, "published", lambda entry: dataclasses.replace(published(entry), rows=ROWS))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with two generated episodes of 40 rows of the scene."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        shorten(patch)
        generate(ENTRIES[SCENE], folder, episodes=2, seed=5, workers=2)
    return folder


def test_the_published_numbers() -> None:
    def numbers(name: str) -> tuple[float, ...]:
        recipe = recipes.published(ENTRIES[name])
        assert isinstance(recipe, ManipulationRecipe)
        assert (recipe.noise, recipe.noise_smoothing, recipe.min_norm) == (0.1, 0.5, 0.4)
        stacking = (recipe.stacking_low, recipe.stacking_high)
        return recipe.episodes, recipe.validation_episodes, recipe.rows, recipe.random_actions, *stacking

    assert numbers("cube-single-play-v0") == (1000, 100, 1001, 0.0, 0.0, 0.0)
    assert numbers("cube-double-noisy-v0") == (1000, 100, 1001, 0.1, 0.0, 0.25)
    assert numbers("cube-triple-play-v0") == (3000, 300, 1001, 0.0, 0.05, 0.35)
    assert numbers("cube-quadruple-noisy-v0") == (5000, 500, 1001, 0.1, 0.1, 0.5)
    assert numbers("scene-noisy-v0") == (1000, 100, 1001, 0.1, 0.5, 0.5)
    assert numbers("puzzle-3x3-play-v0")[:4] == (1000, 100, 1001, 0.0)
    assert numbers("puzzle-4x4-noisy-v0")[:4] == (1000, 100, 1001, 0.2)
    assert numbers("puzzle-4x5-noisy-v0")[:4] == (3000, 300, 1001, 0.2)
    assert numbers("puzzle-4x6-play-v0")[:4] == (5000, 500, 1001, 0.0)


def test_all_of_the_arm_can_be_made_and_rows_have_the_widths_of_the_files() -> None:
    for name, entry in ENTRIES.items():
        recipe = recipes.published(entry)
        assert (recipe is not None) == (entry.family in ("pointmaze", "cube", "scene", "puzzle"))
        assert (name in OGBench.generates) == (recipe is not None)
        if recipe is not None:
            assert recipe.row["observations"].shape == entry.observation
            assert recipe.row["actions"].shape == (entry.widths.action,)
            assert recipes.from_text(recipes.to_text(recipe)) == recipe


@pytest.mark.parametrize(
    ("environment", "kind"), [("cube-double-v0", "noisy"), ("scene-v0", "play"), ("puzzle-3x3-v0", "noisy")]
)
def test_an_episode_depends_on_its_seed_alone(environment: str, kind: str) -> None:
    recipe = short(environment, kind)
    alone = play(recipe, (0, 0, 3))
    other = play(recipe, (0, 0, 4))
    simulation = table(environment)._simulation
    simulation.model.dof_damping[:] = 7.0  # whatever a former episode might have left
    for name in ("_target_button_states", "_target_block"):
        if hasattr(simulation, name):
            setattr(simulation, name, getattr(simulation, name) + 1)
    np.random.seed(1)
    again = play(recipe, (0, 0, 3))
    assert alone.tobytes() == again.tobytes() != other.tobytes()
    assert alone.tobytes() != play(recipe, (0, 1, 3)).tobytes()


def test_the_bytes_do_not_depend_on_the_workers(
    made: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = play(short("scene-v0", "play"), (5, 0, 1))  # seed, split, index; in this process, after others
    with np.load(made / f"{SCENE}.npz") as file:
        for name in rows.dtype.names or ():
            np.testing.assert_array_equal(file[name][ROWS:], rows[name])
    shorten(monkeypatch)
    generate(ENTRIES[SCENE], tmp_path, episodes=2, seed=5, workers=1)
    for name in (f"{SCENE}.npz", f"{SCENE}-val.npz", f"{SCENE}.json"):
        assert (tmp_path / name).read_bytes() == (made / name).read_bytes()


def test_generated_files_are_read_by_ogbench_unchanged(made: pathlib.Path) -> None:
    path = made / f"{SCENE}.npz"
    make: Any = ogbench.make_env_and_datasets
    train, val = make(SCENE, dataset_path=str(path), dataset_only=True, add_info=True)
    data, validation = OGBench(SCENE, dir=str(made)).load()
    assert validation is not None and (data.n_episodes, validation.n_episodes) == (2, 1)
    np.testing.assert_array_equal(data.columns["observations"][data.transitions], train["observations"])
    np.testing.assert_array_equal(validation.columns["actions"][validation.transitions], val["actions"])
    assert train["button_states"].shape == (2 * (ROWS - 1), 2)
    floats = dict.fromkeys(("observations", "actions", "qpos", "qvel"), np.dtype(np.float32))
    with np.load(path) as file:
        kinds = {name: file[name].dtype for name in file.files}
        ends = file["terminals"]
    assert kinds == {**floats, "terminals": np.dtype(bool), "button_states": np.dtype(np.int64)}
    assert list(np.flatnonzero(ends)) == [ROWS - 1, 2 * ROWS - 1]
    record = json.loads((made / f"{SCENE}.json").read_text())
    assert (record["seed"], record["recipe"]["kind"], record["recipe"]["noise"]) == (5, "play", 0.1)
    assert set(record["versions"]) == {"ogbench", "mujoco", "gymnasium", "numpy", "scipy", "dm_control"}


def test_the_oracle_presses_buttons() -> None:
    rows = play(short("puzzle-3x3-v0", "play", rows=120), (0, 0, 0))
    np.testing.assert_array_equal(rows["observations"][:, :6], rows["qpos"][:, :6])  # joints of the arm
    changed = np.flatnonzero((np.diff(rows["button_states"], axis=0) != 0).any(axis=1))
    assert len(changed) >= 2
    for step in changed:
        assert (rows["qpos"][step + 1, 14:] <= -0.02).any()  # a button is down when states change
    assert np.ptp(rows["observations"][30:, 17]) < 0.5  # the gripper stays closed


class Still:
    """An oracle that asks for nothing, and is done with that after ten steps."""

    def __init__(self) -> None:
        self.begun, self.asked = 0, 0

    def reset(self, observation: np.ndarray, info: dict[str, Any]) -> None:
        assert "privileged/target_button" in info
        self.begun, self.asked = self.begun + 1, 0

    def select_action(self, observation: np.ndarray, info: dict[str, Any]) -> np.ndarray:
        self.asked += 1
        return np.zeros(5)

    @property
    def done(self) -> bool:
        return self.asked == 10


def test_noise_and_random_actions(monkeypatch: pytest.MonkeyPatch) -> None:
    oracle = Still()
    monkeypatch.setattr(manipulation, "open_oracles", lambda *_, **__: {"button": oracle})
    noisy = functools.partial(short, "puzzle-3x3-v0", "noisy", rows=120, noise=0.04)
    strengths = []
    for seed in range(3):
        actions = play(noisy(random_actions=0.0), (seed,))["actions"]
        strengths.append(actions.std(axis=0)[4] / 10)
        np.testing.assert_allclose(actions.std(axis=0) / strengths[-1], (1, 1, 1, 3, 10), rtol=0.2)
    assert max(strengths) < 0.042 and max(strengths) > 1.2 * min(strengths)  # one strength an episode
    assert oracle.begun == 3 * 12 + 3
    rows = play(noisy(random_actions=0.2), (0,))
    assert 0.1 < (np.abs(rows["actions"][:, :3]).max(axis=1) > 0.3).mean() < 0.3
    assert not play(short("puzzle-3x3-v0", "play"), (0,))["actions"].any()  # noise is the plan's own affair


def test_the_oracles_get_the_published_settings() -> None:
    plan = table("scene-v0")._oracles()
    assert {name: type(oracle).__name__ for name, oracle in plan.items()} == {
        name: f"{name.title()}PlanOracle" for name in ("cube", "button", "drawer", "window")
    }
    assert {(oracle._noise, oracle._noise_smoothing) for oracle in plan.values()} == {(0.1, 0.5)}
    table("puzzle-3x3-v0")._recipe = short("puzzle-3x3-v0", "noisy")
    (markov,) = table("puzzle-3x3-v0")._oracles().values()
    assert type(markov).__name__ == "ButtonMarkovOracle"
    assert (markov._min_norm, markov._gripper_always_closed) == (0.4, True)


def test_a_cube_out_of_sight_is_unhealthy() -> None:
    def healthy(y: float, z: float) -> bool:
        qpos = np.zeros((3, 25), np.float32)
        qpos[1, 15:17] = y, z
        return manipulation.is_healthy(qpos)

    assert healthy(0.0, 0.02) and healthy(0.28, 0.02) and healthy(-0.29, 0.02)
    assert healthy(-0.31, 0.07)  # in the drawer
    assert not healthy(0.3, 0.02) and not healthy(-0.31, 0.05) and not healthy(-0.31, 0.09)


def test_an_unhealthy_episode_of_the_scene_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = short("scene-v0", "play", rows=10)
    first = play(recipe, (0, 0, 0))
    asked = []

    def second_time(qpos: np.ndarray) -> bool:
        asked.append(qpos)
        return len(asked) == 2

    monkeypatch.setattr(manipulation, "is_healthy", second_time)
    again = play(recipe, (0, 0, 0))
    np.testing.assert_array_equal(asked[0], first["qpos"])
    np.testing.assert_array_equal(asked[1], again["qpos"])
    assert not np.array_equal(*asked)
