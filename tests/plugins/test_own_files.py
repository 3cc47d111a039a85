"""D4RL's files and users' own: what is loaded is what a loop finds in the arrays that were written."""

import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cfgrl import ConfigError, Data, DataError
from cfgrl_plugins.datasets._d4rl_names import ENTRIES
from cfgrl_plugins.datasets.d4rl import D4RL
from cfgrl_plugins.datasets.own_file import OwnFile

h5py = pytest.importorskip("h5py")
#: Transitions of each episode and whether it ended for good; the last one is cut by the end of the file.
EPISODES = ((4, True), (1, True), (5, False), (3, True), (1, False), (6, False), (2, None))


def written(observation: int = 11, action: int = 3) -> dict[str, np.ndarray]:
    """Transitions in the order of time, in D4RL's own names and types."""
    rng = np.random.default_rng(0)
    n = sum(length for length, _ in EPISODES)
    ends = np.cumsum([length for length, _ in EPISODES]) - 1
    arrays = {
        "observations": rng.normal(size=(n, observation)).astype(np.float32),
        "actions": rng.uniform(-1, 1, (n, action)).astype(np.float32),
        "rewards": rng.normal(size=n).astype(np.float32),
        "terminals": np.zeros(n, bool),
        "timeouts": np.zeros(n, bool),
    }
    for end, (_, final) in zip(ends, EPISODES, strict=True):
        if final is not None:
            arrays["terminals" if final else "timeouts"][end] = True
    following = np.roll(arrays["observations"], -1, axis=0)
    following[ends] = rng.normal(size=(len(ends), observation))
    return {**arrays, "next_observations": following}


def write_hdf5(path: pathlib.Path, arrays: dict[str, np.ndarray]) -> pathlib.Path:
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array, compression="gzip")
        file["metadata/algorithm"] = "SAC"  # D4RL's files hold text too
        file["infos/action_log_probs"] = np.zeros(3)
    return path


def write_npz(path: pathlib.Path, arrays: dict[str, np.ndarray]) -> pathlib.Path:
    np.savez(path, **arrays)
    return path


def transitions(data: Data) -> list[tuple[Any, ...]]:
    """(observation, action, reward, mask, next observation, its row is the episode's last) in order."""
    columns = {name: np.asarray(column) for name, column in data.columns.items()}
    return [
        (*(columns[name][i] for name in ("observations", "actions", "rewards", "masks")),
         columns["observations"][i + 1], data.last[i] == i + 1)
        for i in np.asarray(data.transitions)
    ]  # fmt: skip


def expected(arrays: dict[str, np.ndarray]) -> list[tuple[Any, ...]]:
    """The same, by a loop over what was written. The next observation of an end for good may be anything."""
    found = []
    count = len(arrays["actions"])
    for i in range(count):
        final = bool(arrays["terminals"][i])
        cut = bool(arrays.get("timeouts", np.zeros(count))[i]) or i == count - 1
        following = arrays.get("next_observations")
        if following is None and cut and not final:
            if found and not found[-1][5]:
                found[-1] = (*found[-1][:5], True)
            continue
        after = following[i] if following is not None else None if final else arrays["observations"][i + 1]
        rest = (arrays["actions"][i], arrays["rewards"][i], float(not final), after, final or cut)
        found.append((arrays["observations"][i], *rest))
    return found


def assert_same(data: Data, arrays: dict[str, np.ndarray]) -> None:
    wanted = expected(arrays)
    found = transitions(data)
    assert len(found) == len(wanted)
    for ours, theirs in zip(found, wanted, strict=True):
        for what, a, b in zip(("observation", "action", "reward", "mask", "next", "last"), ours, theirs, strict=True):
            if b is not None:
                np.testing.assert_array_equal(a, b, err_msg=what)


def shaped(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    numbers = ("rewards", "terminals", "timeouts")
    return {name: array[:, None] if name in numbers else array for name, array in arrays.items()}


def without(*names: str) -> Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]:
    return lambda arrays: {name: array for name, array in arrays.items() if name not in names}


@pytest.mark.parametrize("change", [dict, without("next_observations"), shaped], ids=["whole", "no next", "columns"])
@pytest.mark.parametrize("source", ["d4rl", "hdf5", "npz"])
def test_what_is_loaded_is_what_was_written(source: str, change: Callable[..., Any], tmp_path: pathlib.Path) -> None:
    arrays = change(written())
    if source == "npz":
        dataset = OwnFile(str(write_npz(tmp_path / "a.npz", arrays)))
    else:
        path = write_hdf5(tmp_path / "hopper-medium-v2.hdf5", arrays)
        dataset = D4RL("hopper-medium-v2", dir=str(tmp_path)) if source == "d4rl" else OwnFile(str(path))
    training, validation = dataset.load()
    assert validation is None
    assert_same(training, {name: np.squeeze(array) for name, array in arrays.items()})


def test_terminal_transitions_keep_their_rewards(tmp_path: pathlib.Path) -> None:
    arrays = without("next_observations")(written())
    write_hdf5(tmp_path / "hopper-medium-v2.hdf5", arrays)
    data, _ = D4RL("hopper-medium-v2", dir=str(tmp_path)).load()
    final = np.asarray(data.columns["masks"]) == 0
    np.testing.assert_array_equal(data.columns["rewards"][final], arrays["rewards"][arrays["terminals"]])
    assert final.sum() == arrays["terminals"].sum() == 3


def test_names_of_a_users_own(tmp_path: pathlib.Path) -> None:
    arrays = written()
    called = {"observations": "log/obs", "actions": "log/act", "rewards": "r", "terminals": "dones", "timeouts": "cut"}
    path = write_hdf5(tmp_path / "a.h5", {called[name]: arrays[name] for name in called})
    assert_same(OwnFile(str(path), **called).load()[0], without("next_observations")(arrays))
    names = {name: called[name].replace("/", "_") for name in called}
    path = write_npz(tmp_path / "a.npz", {names[name]: arrays[name] for name in names})
    assert_same(OwnFile(str(path), **names).load()[0], without("next_observations")(arrays))
    with pytest.raises(DataError, match=r"no array 'obs' for dataset.observations; did you mean 'log_obs'"):
        OwnFile(str(path), **{**names, "observations": "obs"}).load()
    with pytest.raises(DataError, match=r"no array 'terminals' for dataset.terminals. It holds log_obs, log_act, r, d"):
        OwnFile(str(path), observations="log_obs", actions="log_act").load()
    with pytest.raises(DataError, match="no array 'rew' for dataset.rewards"):
        OwnFile(str(path), **{**names, "rewards": "rew"}).load()
    with pytest.raises(DataError, match="nothing says where episodes end"):
        OwnFile(str(path), observations="log_obs", actions="log_act", terminals=None).load()


def test_what_is_none_is_not_read(tmp_path: pathlib.Path) -> None:
    path = write_npz(tmp_path / "a.npz", written())
    data, _ = OwnFile(str(path), rewards=None, terminals=None, next_observations=None).load()
    assert data.columns.keys() == {"observations", "actions", "goals"}
    assert (data.n_episodes, data.n_transitions) == (4, 22 - 4)  # three timeouts and the end, where nothing follows


def test_rows_are_taken_as_they_are(tmp_path: pathlib.Path) -> None:
    rng = np.random.default_rng(1)
    arrays = {
        "observations": rng.normal(size=(9, 2)).astype(np.float32),
        "actions": rng.uniform(-1, 1, (9, 1)).astype(np.float32),
        "terminals": np.array([0, 0, 0, 1, 0, 1, 0, 0, 1]),
        "goals": rng.normal(size=(9, 3)).astype(np.float32),
        "rewards": rng.normal(size=9).astype(np.float32),
        "masks": np.array([1, 1, 0, 1, 1, 1, 1, 0, 1]),
    }
    for path, write in ((tmp_path / "a.npz", write_npz), (tmp_path / "a.hdf5", write_hdf5)):
        write(path, arrays)
        data, _ = OwnFile(str(path), layout="rows").load()
        for name in ("observations", "actions", "goals", "rewards", "masks"):
            np.testing.assert_array_equal(data.columns[name], arrays[name])
        assert data.transitions.tolist() == [0, 1, 2, 4, 6, 7]
        assert data.last.tolist() == [3, 3, 3, 3, 5, 5, 8, 8, 8]


def test_a_share_of_the_episodes_is_held_out(tmp_path: pathlib.Path) -> None:
    path = write_npz(tmp_path / "a.npz", written())
    whole, _ = OwnFile(str(path)).load()
    training, validation = OwnFile(str(path), validation=0.3).load()
    assert validation is not None
    assert (training.n_episodes, validation.n_episodes) == (5, 2)
    assert training.columns["goals"] is training.columns["observations"]
    key = [t[0].tobytes() for t in transitions(whole)]
    parts = [{t[0].tobytes(): t for t in transitions(part)} for part in (training, validation)]
    assert not parts[0].keys() & parts[1].keys() and parts[0].keys() | parts[1].keys() == set(key)
    for t in transitions(whole):
        found = parts[0].get(t[0].tobytes()) or parts[1][t[0].tobytes()]
        assert all(np.array_equal(a, b) for a, b in zip(t, found, strict=True))
    other = write_npz(tmp_path / "b.npz", {name: array[:4] for name, array in written().items()})
    _, validation = OwnFile(str(path), validation_file=str(other)).load()
    assert validation is not None and validation.n_transitions == 4


def test_actions_are_clipped_by_choice_only(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    arrays = written()
    arrays["actions"][2] = (1.5, -1.0000001, 0.25)
    path = write_npz(tmp_path / "a.npz", arrays)
    with pytest.raises(DataError, match=r"actions, row 2, column 0.*clipped with dataset.clip_actions=true"):
        OwnFile(str(path)).load()
    data, _ = OwnFile(str(path), clip_actions=True).load()
    np.testing.assert_array_equal(data.columns["actions"][2], np.float32([1, -1, 0.25]))
    assert "actions in 1 rows were clipped" in capsys.readouterr().err
    assert OwnFile(str(path), clip_actions=True).provenance()["record"]["clip_actions"] is True
    arrays["actions"][3, 0] = np.inf
    write_npz(path, arrays)
    with pytest.raises(DataError, match="actions, row 3, column 0, is not finite"):
        OwnFile(str(path), clip_actions=True).load()


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"validation": 0.1, "validation_file": "b.npz"}, "both say what to validate on"),
        ({"goals": "g"}, 'goals is for layout = "rows"'),
        ({"layout": "rows", "timeouts": "t"}, 'timeouts is for layout = "transitions"'),
        ({"layout": "rows", "terminals": None}, "needs terminals"),
    ],
)
def test_keys_that_exclude_each_other(keys: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        OwnFile("a.npz", **keys)


def test_a_missing_file_says_where_it_looked(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=rf"There is no a.npz in {tmp_path} \(dataset.file; relative to the working"):
        OwnFile("a.npz").load()
    monkeypatch.setenv("D4RL_DATASET_DIR", str(tmp_path / "elsewhere"))
    with pytest.raises(DataError, match=r"There is no hopper-expert-v2.hdf5 or hopper_expert-v2.hdf5 in .*/elsewhere"):
        D4RL("hopper-expert-v2").load()
    with pytest.raises(DataError, match=r"download http://.*/gym_mujoco_v2/hopper_expert-v2.hdf5 into that folder"):
        D4RL("hopper-expert-v2").fetch()


def test_d4rls_own_file_names_are_found(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("D4RL_DATASET_DIR", str(tmp_path))
    path = write_hdf5(tmp_path / "walker2d_medium_replay-v2.hdf5", written(17, 6))
    dataset = D4RL("walker2d-medium-replay-v2")
    assert dataset.present() == path
    assert dataset.load()[0].n_transitions == 22
    provenance = dataset.provenance()
    assert provenance["name"] == "walker2d-medium-replay-v2" and len(provenance["files"][0]["sha256"]) == 64
    assert provenance["record"]["reference_returns"] == {"random": 1.629008, "expert": 4592.3}


def test_d4rls_names() -> None:
    assert len(ENTRIES) == 24 + 6 + 12 + 3 + 6
    assert len({entry.published for entry in ENTRIES.values()}) == len(ENTRIES)
    assert ENTRIES["antmaze-medium-diverse-v2"].file == (
        "Ant_maze_big-maze_noisy_multistart_True_multigoal_True_sparse_fixed.hdf5"
    )
    with pytest.raises(ConfigError, match="did you mean 'halfcheetah-medium-v2'"):
        D4RL("halfcheeta-medium-v2")
    assert D4RL("hopper-medium-v2").tasks == ("return",)
    assert D4RL("pen-human-v1").tasks == () and D4RL("pen-human-v1").environment() is None


def test_a_file_of_another_robot_is_refused(tmp_path: pathlib.Path) -> None:
    write_hdf5(tmp_path / "halfcheetah-medium-v2.hdf5", written())
    with pytest.raises(DataError, match=r"a row of observations has shape \(11,\), but in halfcheetah-medium-v2 \(17"):
        D4RL("halfcheetah-medium-v2", dir=str(tmp_path)).load()


def test_without_timeouts_a_note_says_so(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    arrays = without("timeouts", "next_observations")(written())
    write_hdf5(tmp_path / "hopper-medium-v2.hdf5", arrays)
    assert_same(D4RL("hopper-medium-v2", dir=str(tmp_path)).load()[0], arrays)
    assert "no timeouts: only terminals end an episode" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["halfcheetah-medium-v2", "hopper-medium-v2", "walker2d-medium-v2"])
def test_the_environment_has_the_form_of_the_data(name: str) -> None:
    pytest.importorskip("mujoco")
    family = ENTRIES[name].family
    environment = D4RL(name).require_environment()
    try:
        observation, goal = environment.reset("return", 0)
        assert goal is None and observation.shape == (family.observation,)
        result = environment.step(np.zeros(family.action))
        assert result.observation.shape == (family.observation,) and result.success is None
    finally:
        environment.close()
