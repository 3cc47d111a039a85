"""OGBench's files: names, places, generation by the published recipe, and what a run records of them."""

import json
import pathlib
import subprocess
import sys
import zipfile
from typing import Any

import numpy as np
import ogbench
import pytest

from cfgrl import ConfigError, DataError
from cfgrl_plugins.datasets._ogbench import pointmaze, rollouts
from cfgrl_plugins.datasets._ogbench.generate import generate
from cfgrl_plugins.datasets._ogbench.names import ENTRIES, parse
from cfgrl_plugins.datasets.ogbench import OGBench

NAME = "pointmaze-medium-navigate-v0"
STITCH = "pointmaze-teleport-stitch-v0"


@pytest.fixture
def places(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> tuple[pathlib.Path, pathlib.Path]:
    """Empty folders for published and generated files."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CFGRL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "home/.ogbench/data", tmp_path / "cache/data/ogbench"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with three generated episodes of 201 rows."""
    folder = tmp_path_factory.mktemp("made")
    generate(ENTRIES[STITCH], folder, episodes=3, seed=5, workers=2)
    return folder


def test_every_form_of_a_name_means_its_file() -> None:
    for form in ("", "-oraclerep", "-singletask", "-singletask-task2"):
        parsed = parse(f"pointmaze-medium-navigate{form}-v0")
        assert (parsed.entry.file, parsed.entry.environment) == (NAME, "pointmaze-medium-v0")
        assert parsed.task == {"": None, "-oraclerep": None, "-singletask": "task1"}.get(form, "task2")
    assert parse("scene-play-v0").entry.environment == "scene-v0"
    with pytest.raises(ConfigError, match="did you mean 'pointmaze-medium-navigate-v0'"):
        OGBench("pointmaze-medum-navigate-v0")


def test_a_missing_file_names_places_and_commands(places: tuple[pathlib.Path, pathlib.Path]) -> None:
    with pytest.raises(DataError) as caught:
        OGBench(NAME).load()
    for part in (*map(str, places), f"`cfgrl data generate {NAME}`", f"`cfgrl data get {NAME}`"):
        assert part in str(caught.value)
    with pytest.raises(DataError, match="cfgrl data get antmaze-large-navigate-v0") as caught:
        OGBench("antmaze-large-navigate-v0").load()
    assert "generate" not in str(caught.value)


def test_generated_files_are_read_by_ogbench_unchanged(made: pathlib.Path) -> None:
    path = made / f"{STITCH}.npz"
    make: Any = ogbench.make_env_and_datasets
    env, train, val = make(STITCH, dataset_path=str(path))
    env.close()
    assert train["observations"].shape == (600, 2) and val["actions"].shape == (200, 2)
    data, validation = OGBench(STITCH, dir=str(made)).load()
    assert validation is not None and (data.n_episodes, validation.n_episodes) == (3, 1)
    np.testing.assert_array_equal(data.columns["observations"][data.transitions], train["observations"])
    np.testing.assert_array_equal(data.columns["actions"][data.transitions], train["actions"])
    oracle, _ = make(STITCH.replace("-v0", "-oraclerep-v0"), dataset_path=str(path), dataset_only=True)
    np.testing.assert_array_equal(data.columns["goals"][data.transitions], oracle["oracle_reps"])
    with np.load(path) as file:
        kinds = {name: file[name].dtype for name in file.files}
    floats = dict.fromkeys(("observations", "actions", "qpos", "qvel"), np.dtype(np.float32))
    assert kinds == {**floats, "terminals": np.dtype(bool)}


def test_the_bytes_depend_on_the_seed_and_not_on_the_workers(made: pathlib.Path, tmp_path: pathlib.Path) -> None:
    generate(ENTRIES[STITCH], tmp_path / "one", episodes=3, seed=5, workers=1)
    for name in (f"{STITCH}.npz", f"{STITCH}-val.npz", f"{STITCH}.json"):
        assert (tmp_path / "one" / name).read_bytes() == (made / name).read_bytes()
    generate(ENTRIES[STITCH], tmp_path / "two", episodes=1, seed=6, workers=1)
    with np.load(made / f"{STITCH}.npz") as first, np.load(tmp_path / "two" / f"{STITCH}.npz") as second:
        assert not np.array_equal(first["actions"][:201], second["actions"])


def test_what_exists_is_kept(made: pathlib.Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = made / f"{STITCH}.npz"
    before = path.stat().st_mtime_ns
    assert generate(ENTRIES[STITCH], made, episodes=3, seed=5) == path
    assert "already there" in capfd.readouterr().err
    with pytest.raises(DataError, match="made with another seed"):
        generate(ENTRIES[STITCH], made, episodes=3, seed=6)
    with pytest.raises(DataError, match="made with another recipe"):
        generate(ENTRIES[STITCH], made, episodes=4, seed=5)
    assert path.stat().st_mtime_ns == before


def test_a_strangers_file_is_left_alone(tmp_path: pathlib.Path) -> None:
    (tmp_path / f"{STITCH}.npz").write_bytes(b"published")
    with pytest.raises(DataError, match="was not generated here"):
        generate(ENTRIES[STITCH], tmp_path, episodes=1, seed=0)
    assert (tmp_path / f"{STITCH}.npz").read_bytes() == b"published"


def test_an_interrupted_generation_is_finished(made: pathlib.Path, tmp_path: pathlib.Path) -> None:
    for name in (f"{STITCH}-val.npz", f"{STITCH}.json"):
        (tmp_path / name).write_bytes((made / name).read_bytes())
    (tmp_path / f".{STITCH}.123-abc.tmp").write_bytes(b"left by a process that was killed")
    generate(ENTRIES[STITCH], tmp_path, episodes=3, seed=5)
    assert (tmp_path / f"{STITCH}.npz").read_bytes() == (made / f"{STITCH}.npz").read_bytes()
    assert not list(tmp_path.glob(".*.tmp"))


def test_two_generations_at_once_end_with_one_file(tmp_path: pathlib.Path) -> None:
    code = (
        "import pathlib, sys; from cfgrl_plugins.datasets.ogbench import OGBench;"
        f"OGBench({STITCH!r}).generate(pathlib.Path(sys.argv[1]), episodes=4, seed=0); assert 'jax' not in sys.modules"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=120)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert sum("already there" in text for text in said) == 1
    assert sorted(path.suffix for path in tmp_path.glob("[!.]*")) == [".json", ".npz", ".npz"]


def test_a_dead_worker_is_an_error_and_leaves_nothing(tmp_path: pathlib.Path) -> None:
    recipe = pointmaze.PointMazeRecipe("no-such-maze-v0", "navigate", episodes=2, rows=5)
    with pytest.raises(DataError, match="ended early"):
        rollouts.make(recipe, seed=0, workers=2, label="test", directory=tmp_path)


@pytest.mark.parametrize("name", ["antmaze-large-navigate-v0", "humanoidmaze-medium-stitch-v0"])
def test_what_cannot_be_generated_says_why(name: str, tmp_path: pathlib.Path) -> None:
    with pytest.raises(DataError, match=f"needs a trained expert, which no package ships; .*cfgrl data get {name}"):
        OGBench(name).generate(tmp_path, episodes=1, seed=0)


def test_the_walk_follows_the_package_oracle() -> None:
    recipe = pointmaze.PointMazeRecipe("pointmaze-large-v0", "navigate", episodes=1, rows=300)
    walker = pointmaze.Walker(recipe)
    rows = walker.episode((0, 0, 0))
    np.testing.assert_array_equal(
        rows["observations"], rows["qpos"]
    )  # outside teleport mazes the observation is the position
    noise = np.abs(rows["actions"])
    assert noise.max() == 1.0 and 0.1 < (noise == 1.0).mean() < 0.5  # unit direction plus noise 0.5, clipped
    maze = walker._maze
    rng = np.random.default_rng(0)
    for _ in range(300):
        xy = rng.uniform(-2, 2, 2) + maze.ij_to_xy(walker._free[int(rng.integers(len(walker._free)))])
        maze.cur_goal_xy = rng.uniform(-1, 1, 2) + maze.ij_to_xy(walker._places[int(rng.integers(len(walker._places)))])
        assert walker.subgoal(tuple(xy)) == tuple(maze.get_oracle_subgoal(xy, maze.cur_goal_xy)[0])


def test_cells_are_those_of_the_recipe() -> None:
    maze = np.array([[1, 1, 1, 1, 1], [1, 0, 0, 0, 1], [1, 1, 1, 0, 1], [1, 1, 1, 0, 1], [1, 1, 1, 1, 1]])
    free, places = pointmaze.free_cells(maze)
    assert free == [(1, 1), (1, 2), (1, 3), (2, 3), (3, 3)]
    assert places == [(1, 1), (1, 3), (3, 3)]
    assert pointmaze.cells_at(maze, (1, 1), 4) == [(3, 3)]
    published = [
        (r.episodes, r.rows)
        for r in (
            pointmaze.published_recipe("", *e)
            for e in (("medium", "navigate"), ("giant", "navigate"), ("giant", "stitch"))
        )
    ]
    assert published == [(1000, 1001), (500, 2001), (5000, 201)]


def test_provenance_tells_published_from_generated(
    places: tuple[pathlib.Path, pathlib.Path], made: pathlib.Path
) -> None:
    published, generated = places
    for folder in places:
        folder.mkdir(parents=True)
        for suffix in (".npz", "-val.npz"):
            (folder / f"{STITCH}{suffix}").write_bytes((made / f"{STITCH}{suffix}").read_bytes())
    (generated / f"{STITCH}.json").write_bytes((made / f"{STITCH}.json").read_bytes())
    found = OGBench(STITCH).provenance()
    assert (found["origin"], found["record"]) == ("published", None)
    assert found["files"][0]["path"] == str(published / f"{STITCH}.npz")
    for path in published.iterdir():
        path.unlink()
    found = OGBench(STITCH).provenance()
    assert (found["origin"], found["record"]["seed"], found["record"]["recipe"]["episodes"]) == ("generated", 5, 3)
    assert found["record"]["files"][f"{STITCH}.npz"]["sha256"] == found["files"][0]["sha256"]
    content = bytearray((generated / f"{STITCH}.npz").read_bytes())
    content[-1] ^= 1
    (generated / f"{STITCH}.npz").write_bytes(content)
    assert OGBench(STITCH).provenance()["origin"] == "unknown"


def test_another_environments_file_is_refused(made: pathlib.Path, tmp_path: pathlib.Path) -> None:
    for suffix in (".npz", "-val.npz"):
        (tmp_path / f"antmaze-medium-navigate-v0{suffix}").write_bytes((made / f"{STITCH}{suffix}").read_bytes())
    with pytest.raises(DataError, match=r"a row of observations has shape \(2,\), but in antmaze-medium-v0 \(29,\)"):
        OGBench("antmaze-medium-navigate-v0", dir=str(tmp_path)).load()


def test_a_file_without_states_is_refused(made: pathlib.Path, tmp_path: pathlib.Path) -> None:
    with zipfile.ZipFile(made / f"{STITCH}.npz") as whole, zipfile.ZipFile(tmp_path / f"{STITCH}.npz", "w") as part:
        for member in ("observations.npy", "actions.npy", "terminals.npy"):
            part.writestr(member, whole.read(member))
    (tmp_path / f"{STITCH}-val.npz").write_bytes(b"")
    with pytest.raises(DataError, match="has no array qpos"):
        OGBench(STITCH, dir=str(tmp_path)).load()


def test_the_record_says_how(made: pathlib.Path) -> None:
    record = json.loads((made / f"{STITCH}.json").read_text())
    assert record["origin"] == "generated" and record["seed"] == 5 and record["recipe"]["noise"] == 0.5
    assert set(record["versions"]) == {"ogbench", "mujoco", "gymnasium", "numpy"}
