"""Minari's files, written by Minari's own API: rows, endings, goals, spaces, environments, and what is refused."""

import gc
import json
import pathlib
import warnings
from typing import Any

import gymnasium
import h5py
import numpy as np
import pytest
from childruns import TINY, cfgrl
from gymnasium import spaces

from cfgrl import ConfigError, DataError
from cfgrl_plugins.datasets.minari import Minari

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import minari
    from minari.data_collector import EpisodeBuffer

NAME = "mine/toy/random-v0"
UNIT = spaces.Box(-1.0, 1.0, (2,))
PLAIN = spaces.Box(-np.inf, np.inf, (3,), np.float64)


def episode(steps: int, seed: int, *, action_space: Any = UNIT, space: Any = PLAIN, end: str = "cut") -> EpisodeBuffer:
    rng = np.random.default_rng(seed)
    flags = np.arange(1, steps + 1) == steps
    return EpisodeBuffer(
        observations=_sample(space, steps + 1, rng),
        actions=np.stack([rng.uniform(action_space.low, action_space.high) for _ in range(steps)]).astype(np.float32),
        rewards=rng.normal(size=steps),
        terminations=flags & (end == "terminated"),
        truncations=flags & (end == "cut"),
        infos={"note": np.array(["text"] * (steps + 1), dtype=object)} if seed == 0 else {},
    )


def _sample(space: Any, rows: int, rng: np.random.Generator) -> Any:
    if isinstance(space, spaces.Dict):
        return {name: _sample(part, rows, rng) for name, part in space.spaces.items()}
    return rng.normal(size=(rows, *space.shape)).astype(space.dtype)


@pytest.fixture
def write(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch):
    """Write a data set with Minari's API; returns its folder."""
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))

    def make(episodes: list[EpisodeBuffer], name: str = NAME, **options: Any) -> pathlib.Path:
        given = {"action_space": UNIT, "observation_space": PLAIN, **options}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            minari.create_dataset_from_buffers(dataset_id=name, buffer=episodes, **given)
        return tmp_path / name / "data"

    return make


def test_rows_are_the_episodes(write: Any) -> None:
    buffers = [episode(4, 0, end="terminated"), episode(2, 1), episode(3, 2)]
    write(buffers)
    data, validation = Minari(NAME, validation=0.0).load()
    assert validation is None and data.n_episodes == 3 and data.n_transitions == 9
    rows = 0
    for buffer in buffers:
        steps = len(buffer.rewards)
        mine = slice(rows, rows + steps)
        np.testing.assert_array_equal(
            data.columns["observations"][rows : rows + steps + 1], np.float32(buffer.observations)
        )
        np.testing.assert_array_equal(data.columns["actions"][mine], buffer.actions)
        np.testing.assert_array_equal(data.columns["rewards"][mine], np.float32(buffer.rewards))
        np.testing.assert_array_equal(data.last[rows : rows + steps + 1], rows + steps)
        rows += steps + 1
    assert rows == 12
    np.testing.assert_array_equal(data.transitions, [0, 1, 2, 3, 5, 6, 8, 9, 10])
    # only the episode that terminated has a mask of 0, at its last transition
    np.testing.assert_array_equal(np.flatnonzero(np.asarray(data.columns["masks"]) == 0), [3])
    assert data.columns["goals"] is data.columns["observations"]


def test_a_share_of_the_episodes_is_for_validation(write: Any) -> None:
    write([episode(2 + i, i) for i in range(8)])
    data, validation = Minari(NAME, validation=0.25).load()
    assert validation is not None and data.n_episodes == 6 and validation.n_episodes == 2
    assert validation.n_transitions == 5 + 9  # every fourth
    few, one = Minari(NAME).load()
    assert one is not None and (few.n_episodes, one.n_episodes) == (7, 1)


def test_actions_are_carried_to_unit_bounds_and_their_scale_is_recorded(write: Any) -> None:
    wide = spaces.Box(np.array([-2.0, 0.0], np.float32), np.array([2.0, 10.0], np.float32))
    buffer = episode(5, 3, action_space=wide)
    buffer.actions[0], buffer.actions[1] = (-2.0, 10.0), (1.0, 2.5)
    write([buffer], action_space=wide)
    found = Minari(NAME, validation=0.0)
    actions = np.asarray(found.load()[0].columns["actions"])
    np.testing.assert_array_equal(actions[:2], [(-1, 1), (0.5, -0.5)])
    np.testing.assert_allclose(actions[:5], buffer.actions / (2.0, 5.0) - (0.0, 1.0), atol=1e-6)
    assert found.provenance()["record"]["actions"] == {"low": [-2.0, 0.0], "high": [2.0, 10.0], "clip": False}


def test_parts_are_joined_as_the_environment_joins_them(write: Any) -> None:
    space = spaces.Dict({"b": spaces.Box(-9, 9, (2, 2)), "a": spaces.Dict({"c": spaces.Box(-9, 9, (1,))})})
    buffer = episode(3, 0, space=space)
    write([buffer], observation_space=space)
    observations = np.asarray(Minari(NAME, validation=0.0).load()[0].columns["observations"])
    assert isinstance(buffer.observations, dict)
    expected = np.concatenate([buffer.observations["a"]["c"], buffer.observations["b"].reshape(4, 4)], axis=1)
    np.testing.assert_array_equal(observations, expected)


def test_goals_are_what_was_achieved(write: Any) -> None:
    parts = {name: spaces.Box(-9, 9, (size,)) for name, size in GOALS.items()}
    buffer = episode(3, 0, space=spaces.Dict(parts))
    write([buffer], observation_space=spaces.Dict(parts))
    columns = Minari(NAME, validation=0.0).load()[0].columns
    assert isinstance(buffer.observations, dict)
    np.testing.assert_array_equal(columns["observations"], buffer.observations["observation"])
    np.testing.assert_array_equal(columns["goals"], buffer.observations["achieved_goal"])


GOALS = {"observation": 3, "achieved_goal": 2, "desired_goal": 2}


@pytest.fixture(scope="module")
def pendulum(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Recorded by Minari's collector in a real environment."""
    root = tmp_path_factory.mktemp("minari")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setenv("MINARI_DATASETS_PATH", str(root))
        env = minari.DataCollector(gymnasium.make("Pendulum-v1", max_episode_steps=40))
        env.action_space.seed(0)
        for seed in range(6):
            env.reset(seed=seed)
            while not env.step(env.action_space.sample())[3]:
                pass
        env.create_dataset(dataset_id="mine/pendulum-v0", algorithm_name="random")
        env.close()
        del env  # the collector's temporary folder warns when it goes, which must not be during a test
        gc.collect()
    return root


def test_recorded_transitions_satisfy_the_environment_that_the_file_names(pendulum: pathlib.Path) -> None:
    """Row t's observation and action lead to row t + 1 and pay row t's reward, in the adapter as in the recording."""
    found = Minari("mine/pendulum-v0", dir=str(pendulum), validation=0.0)
    assert found.tasks == ("return",)
    environment = found.environment()
    assert environment is not None
    columns = {name: np.asarray(value) for name, value in found.load()[0].columns.items()}
    observation, goal = environment.reset("return", 0)  # the collector's first seed
    assert goal is None
    np.testing.assert_array_equal(observation, columns["observations"][0])
    for t in range(40):
        result = environment.step(columns["actions"][t])
        np.testing.assert_allclose(result.observation, columns["observations"][t + 1], atol=1e-5)
        np.testing.assert_allclose(result.reward, columns["rewards"][t], rtol=1e-4)
        assert result.done == (t == 39) and columns["masks"][t] == 1
    environment.close()


def test_a_small_run_trains_evaluates_and_knows_its_data(pendulum: pathlib.Path, tmp_path: pathlib.Path) -> None:
    words = ("dataset.use=minari", "dataset.name=mine/pendulum-v0", f"dataset.dir={pendulum}", *TINY)
    run = tmp_path / "run"
    command = ("train", "flow-bc", *words, "train.steps=200", "--run-dir", str(run), "--json")
    done = cfgrl(*command)
    assert done.returncode == 0, done.stderr
    about = json.loads((run / "manifest.json").read_text())["dataset"]
    assert about["record"]["environment"]["identifier"] == "Pendulum-v1"
    assert [pathlib.Path(file["path"]).name for file in about["files"]] == ["main_data.hdf5", "metadata.json"]
    shown = cfgrl("eval", str(run), "--episodes", "2", "--json")
    assert shown.returncode == 0, shown.stderr
    [result] = json.loads(shown.stdout)["results"]
    assert result["tasks"].keys() == {"return"} and result["n_failed"] == 0 and -700 < result["return"] < 0


def test_an_environment_is_never_made_from_what_a_file_says(write: Any, tmp_path: pathlib.Path) -> None:
    """An address of code, an unknown name, wrappers or a path among the options: the data load, without tasks."""
    folder = write([episode(3, 0)])
    said = json.loads((folder / "metadata.json").read_text())
    victim = tmp_path / "victim"
    spec = {"id": "Pendulum-v1", "entry_point": f"pathlib:Path('{victim}').touch", "kwargs": {}, "max_episode_steps": 5}
    for change, known in (
        ({}, True),
        ({"id": "antigravity:Fly-v0"}, False),
        ({"id": "Absent-v0"}, False),
        ({"additional_wrappers": [{"name": "x", "entry_point": "antigravity:fly", "kwargs": {}}]}, False),
        ({"kwargs": {"g": 9.81}}, True),
        ({"kwargs": {"xml_file": "/etc/passwd"}}, False),
    ):
        (folder / "metadata.json").write_text(json.dumps({**said, "env_spec": json.dumps({**spec, **change})}))
        assert bool(Minari(NAME).tasks) == known, change
        assert known or Minari(NAME).environment() is None
        assert Minari(NAME, validation=0.0).load()[0].n_episodes == 1
    assert not victim.exists()
    (folder / "metadata.json").write_text(json.dumps({**said, "env_spec": json.dumps(spec)}))
    with pytest.raises(DataError, match=r"its actions have the shapes .*\(2,\).* those of Pendulum-v1 .*\(1,\)"):
        Minari(NAME).environment()


def _drop(name: str) -> Any:
    def change(file: h5py.File) -> None:
        del file[f"episode_1/{name}"]

    return change


def _put(name: str, value: Any) -> Any:
    def change(file: h5py.File) -> None:
        del file[f"episode_1/{name}"]
        file[f"episode_1/{name}"] = value

    return change


def _nan(file: h5py.File) -> None:
    file["episode_1/observations"][2, 1] = np.nan


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_drop("rewards"), "main_data.hdf5: episode_1/rewards is missing"),
        (_drop("observations"), "main_data.hdf5: episode_1/observations is missing"),
        (_put("observations", np.zeros((3, 3))), r"episode_1/observations has shape \(3, 3\), .* \(4, 3\)"),
        (_put("actions", np.zeros((3, 5), np.float32)), r"episode_1/actions has shape \(3, 5\), .* \(3, 2\)"),
        (_put("terminations", np.zeros(2, bool)), r"episode_1/terminations has shape \(2,\), .* \(3,\)"),
        (_put("rewards", np.zeros(0)), "episode_1/rewards is empty"),
        (
            _put("actions", np.full((3, 2), 1.5, np.float32)),
            "episode_1/actions, row 0, is beyond .*dataset.clip_actions=true",
        ),
        (_nan, "main_data.hdf5: episode_1/observations, row 2, is not finite"),
        (_put("observations", np.array(["a", "b", "c", "d"], dtype=h5py.string_dtype())), "episode_1/observations"),
    ],
)
def test_a_broken_file_is_named_with_its_array(write: Any, change: Any, says: str) -> None:
    folder = write([episode(3, 0), episode(3, 1)])
    with h5py.File(folder / "main_data.hdf5", "a") as file:
        change(file)
    with pytest.raises(DataError, match=says):
        Minari(NAME).load()


def test_actions_beyond_their_bounds_are_clipped_by_choice(write: Any) -> None:
    folder = write([episode(3, 0), episode(3, 1)])
    with h5py.File(folder / "main_data.hdf5", "a") as file:
        file["episode_1/actions"][1] = (1.5, -2.0)
    data, _ = Minari(NAME, validation=0.0, clip_actions=True).load()
    np.testing.assert_array_equal(data.columns["actions"][5], (1, -1))
    assert Minari(NAME, clip_actions=True).provenance()["record"]["actions"]["clip"]


BOX = {"type": "Box", "dtype": "float32", "shape": [3], "low": [0.0] * 3, "high": [1.0] * 3}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("{", "metadata.json is no JSON"),
        ("[]", "metadata.json holds no JSON object"),
        ("[" * 100_000, "metadata.json is no JSON"),
        ({"total_episodes": "many"}, "metadata.json: total_episodes is 'many'"),
        ({"total_episodes": 10**12}, "total_episodes is 1000000000000; it must be a number from 1 to 1,000,000"),
        ({"total_episodes": 3}, "main_data.hdf5: episode_2/rewards is missing"),
        ({"total_episodes": 999_999}, "too small for the 999,999 episodes that metadata.json counts"),
        ({"data_format": "arrow"}, "data_format is 'arrow'; only hdf5"),
        ({"observation_space": None}, "metadata.json: observation_space is no space"),
        ({"observation_space": json.dumps({**BOX, "shape": [-3]})}, r"observation_space .*a Box of shape \[-3\]"),
        ({"observation_space": json.dumps({"type": "Dict", "subspaces": {"../a": BOX}})}, "a part called '../a'"),
        ({"observation_space": json.dumps({"type": "Tuple", "subspaces": [BOX]})}, "its observations are Tuple"),
        ({"action_space": json.dumps({"type": "Discrete", "n": 3})}, "action_space .* its actions are Discrete"),
        ({"action_space": json.dumps({**BOX, "low": ["a"] * 3})}, "action_space"),
        ({"action_space": json.dumps({**BOX, "high": [1.0]})}, "3 lower and 1 upper bounds"),
    ],
)
def test_broken_metadata_are_named_with_their_key(write: Any, change: Any, says: str) -> None:
    path = write([episode(3, 0), episode(3, 1)]) / "metadata.json"
    text = change if isinstance(change, str) else json.dumps({**json.loads(path.read_text()), **change})
    path.write_text(text)
    with pytest.raises(DataError, match=says):
        Minari(NAME).load()


def test_names_and_folders(write: Any, tmp_path: pathlib.Path) -> None:
    folder = write([episode(3, 0)])
    for directory in (tmp_path, folder.parent, folder):
        assert Minari(NAME, dir=str(directory)).present() == folder / "main_data.hdf5"
    assert Minari(NAME).present() == folder / "main_data.hdf5"
    for name in ("../../etc/passwd-v0", "/etc/x-v0", "door/human", "a//b-v0", "a/../b-v0"):
        with pytest.raises(ConfigError, match="no name of a Minari data set"):
            Minari(name)
    with pytest.raises(ConfigError, match="no data set 'pointmaze-medium-navigat-v0'"):
        Minari.named("pointmaze-medium-navigat-v0")
    assert Minari.named("D4RL/door/human-v2").present() is None
    with pytest.raises(DataError, match=r"D4RL/door/human-v2/data/main_data.hdf5: download it with `cfgrl data get"):
        Minari("D4RL/door/human-v2").load()
    (folder / "metadata.json").unlink()
    with pytest.raises(DataError, match="metadata.json cannot be read"):
        Minari(NAME).load()


def test_a_download_is_minaris_own_or_one_sentence(
    write: Any, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(name: str) -> None:
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr(minari, "download_dataset", offline)
    with pytest.raises(DataError, match="D4RL/pen/human-v2 is not in .*ConnectionError: no route to host.*: connect"):
        Minari("D4RL/pen/human-v2", dir=str(tmp_path / "other")).fetch()

    def lacking(name: str) -> None:
        raise ImportError("boxes is not installed")

    monkeypatch.setattr(minari, "download_dataset", lacking)
    with pytest.raises(DataError, match="A download needs a package that is missing .boxes is not installed"):
        Minari("D4RL/pen/human-v2", dir=str(tmp_path / "other")).fetch()
    monkeypatch.setattr(minari, "download_dataset", lambda name: write([episode(3, 0)], name))
    path = Minari("D4RL/pen/human-v2", dir=str(tmp_path)).fetch()
    assert path == tmp_path / "D4RL/pen/human-v2/data/main_data.hdf5"
    monkeypatch.setattr(minari, "download_dataset", offline)  # nothing is asked for what is there
    assert Minari("D4RL/pen/human-v2", dir=str(tmp_path)).fetch() == path
