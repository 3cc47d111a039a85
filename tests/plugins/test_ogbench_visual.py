"""OGBench seen by a camera: names and files everywhere; environments and generation where this machine can draw."""

import pathlib
import warnings

import numpy as np
import pytest

from cfgrl import ConfigError, DataError, read_npz
from cfgrl.doctor._probes import RENDERING, ask, graphics
from cfgrl_plugins.datasets._ogbench.names import ENTRIES, parse
from cfgrl_plugins.datasets._ogbench.recipes import published
from cfgrl_plugins.datasets.ogbench import OGBench

NAME = "visual-cube-single-play-v0"


@pytest.fixture(scope="module")
def can_draw() -> None:
    answer = ask(RENDERING, graphics())
    if answer.value is None:
        pytest.skip(f"MuJoCo cannot draw on this machine: {answer.failure}")


def test_names_are_those_of_the_published_files() -> None:
    seen = {name for name, entry in ENTRIES.items() if entry.visual}
    assert len(seen) == 11 + 6 + 8 + 2 + 8
    assert {NAME, "visual-antmaze-teleport-explore-v0", "visual-scene-noisy-v0", "visual-puzzle-4x6-play-v0"} <= seen
    assert not any("pointmaze" in name or "soccer" in name for name in seen)
    entry = parse("visual-puzzle-3x3-play-singletask-task4-v0")
    assert entry.entry.file == "visual-puzzle-3x3-play-v0" and entry.task == "task4"
    assert entry.entry.environment == "visual-puzzle-3x3-v0" and entry.entry.observation == (64, 64, 3)
    with pytest.raises(ConfigError, match="powderworld.* has discrete actions"):
        parse("powderworld-easy-play-v0")


def test_the_recipe_is_that_of_the_states_with_pictures() -> None:
    by_state, by_camera = (published(ENTRIES[name]) for name in ("cube-single-play-v0", NAME))
    assert by_state is not None and by_camera is not None
    assert (by_camera.episodes, by_camera.rows, by_camera.kind) == (by_state.episodes, by_state.rows, by_state.kind)
    fields = by_camera.row.fields
    assert fields is not None and by_state.row.fields is not None
    assert fields["observations"][0] == np.dtype(("u1", (64, 64, 3)))
    assert {n: t[0] for n, t in fields.items() if n != "observations"} == {
        n: t[0] for n, t in by_state.row.fields.items() if n != "observations"
    }
    assert published(ENTRIES["visual-antmaze-medium-navigate-v0"]) is None


def write(folder: pathlib.Path, shape: tuple[int, ...] = (64, 64, 3), dtype=np.uint8) -> np.ndarray:
    """Two files in OGBench's form, by numpy's own writer."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (6, *shape)).astype(dtype)
    rows = {
        "observations": pixels,
        "actions": rng.uniform(-1, 1, (6, 5)).astype(np.float32),
        "terminals": np.array([0, 0, 1, 0, 0, 1], bool),
        "qpos": rng.normal(size=(6, 21)).astype(np.float32),
        "qvel": rng.normal(size=(6, 20)).astype(np.float32),
    }
    for name in (NAME, NAME.replace("-v0", "-v0-val")):
        np.savez_compressed(folder / f"{name}.npz", **rows)
    return pixels


def test_a_file_of_pictures_loads_with_the_places_of_objects_for_goals(tmp_path: pathlib.Path) -> None:
    pixels = write(tmp_path)
    training, _ = OGBench(NAME, dir=str(tmp_path)).load()
    np.testing.assert_array_equal(training.columns["observations"], pixels)
    assert training.columns["observations"].dtype == np.uint8
    places = read_npz(tmp_path / f"{NAME}.npz")["qpos"][:, 14:17]
    np.testing.assert_allclose(training.columns["goals"], (places - [0.425, 0, 0]) * 10, rtol=1e-5)


def test_pictures_of_another_size_are_refused(tmp_path: pathlib.Path) -> None:
    write(tmp_path, (32, 32, 3))
    with pytest.raises(DataError, match=r"a row of observations has shape \(32, 32, 3\), but in visual-cube-single-v0"):
        OGBench(NAME, dir=str(tmp_path)).load()


def test_the_environment_shows_bytes_and_tells_places(can_draw: None) -> None:
    environment = OGBench(NAME).environment()
    try:
        first, goal = environment.reset("task1", seed=3)
        assert first.shape == (64, 64, 3) and first.dtype == np.uint8 and len(np.unique(first)) > 20
        assert goal is not None and goal.shape == (3,) and goal.dtype == np.float32
        after = environment.step(np.full(5, 0.9, np.float32)).observation
        assert after.dtype == np.uint8 and (after != first).any()
        again, _ = environment.reset("task1", seed=3)
        np.testing.assert_array_equal(first, again)
        film = environment.frame()
        assert film is not None and film.dtype == np.uint8 and film.shape[-1] == 3
    finally:
        environment.close()


def test_a_generated_picture_is_that_of_its_state(can_draw: None, tmp_path: pathlib.Path) -> None:
    """Two episodes of one maker: the second is drawn with its own model, not with that of the first."""
    import dataclasses

    from cfgrl_plugins.datasets._ogbench.simulator import open_simulator

    recipe = published(ENTRIES[NAME])
    assert recipe is not None
    maker = dataclasses.replace(recipe, rows=3).maker()
    maker.episode((0, 0, 0))
    second = maker.episode((0, 0, 1))
    alone = dataclasses.replace(recipe, rows=3).maker().episode((0, 0, 1))
    np.testing.assert_array_equal(second["observations"], alone["observations"])
    simulation = open_simulator("visual-cube-single-v0", mode="data_collection").unwrapped
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        simulation.reset(seed=0)
        simulation.set_state(second["qpos"][1].astype(float), second["qvel"][1].astype(float))
    # Colours are drawn at a reset, and some bodies are placed by what the file does not hold: most pixels are alike.
    drawn = simulation.render()
    assert np.mean(np.abs(drawn.astype(int) - second["observations"][1]) < 12) > 0.9
