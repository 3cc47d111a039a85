"""ExORL's buffers, simulated here and written by NumPy: which action led where, what a state pays, what is refused."""

import functools
import pathlib
from typing import Any

import numpy as np
import pytest

from cfgrl import ConfigError, DataError
from cfgrl_plugins.datasets import _files
from cfgrl_plugins.datasets._dm_control import DmControlEnvironment, prepared
from cfgrl_plugins.datasets._exorl import rewards
from cfgrl_plugins.datasets._exorl.names import TASKS, parse
from cfgrl_plugins.datasets._exorl.tasks import open_task
from cfgrl_plugins.datasets.exorl import ExORL

with prepared():
    import mujoco
    from dm_control import suite

STEPS = 40


@pytest.fixture(autouse=True)
def cache(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setenv("CFGRL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache/data/exorl"


def simulate(domain: str, task: str, seed: int, steps: int = STEPS) -> dict[str, np.ndarray]:
    """An episode as ExORL writes it: what led to a row stands in that row, after a first one of fillers."""
    with prepared():
        env: Any = suite.load(domain, task, {"random": seed}, {"flat_observation": True})
        now = env.reset()
    spec, rng = env.action_spec(), np.random.default_rng(seed)
    rows = [(now.observation["observations"], np.zeros(spec.shape), 0.0, 1.0, env.physics.get_state())]
    for _ in range(steps):
        action = rng.uniform(-1, 1, spec.shape).astype(np.float32)
        now = env.step(spec.minimum + (action.astype(np.float64) + 1) / 2 * (spec.maximum - spec.minimum))
        rows.append((now.observation["observations"], action, now.reward, now.discount, env.physics.get_state()))
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    return {
        "observation": columns[0].astype(np.float32),
        "action": columns[1].astype(np.float32),
        "reward": columns[2].astype(np.float32)[:, None],
        "discount": columns[3].astype(np.float32)[:, None],
        "physics": columns[4],
    }


def write(root: pathlib.Path, episodes: list[dict[str, Any]], domain: str, algorithm: str = "rnd") -> pathlib.Path:
    folder = root / domain / algorithm / "buffer"
    folder.mkdir(parents=True, exist_ok=True)
    for number, episode in enumerate(episodes):
        np.savez(folder / f"episode_{number:06}_{len(episode['action']) - 1}.npz", **episode)
    return folder


def load(root: pathlib.Path, name: str, **options: Any) -> Any:
    return ExORL(name, dir=str(root), **{"validation": 0.0, **options}).load()[0]


@pytest.mark.parametrize(
    ("domain", "task"),
    [
        ("walker", "run"),
        ("quadruped", "walk"),
        ("cheetah", "run"),
        ("cartpole", "swingup"),  # pays for small controls
        ("point_mass", "easy"),  # so does this one
    ],
)
def test_transitions_and_rewards_are_the_simulators(domain: str, task: str, tmp_path: pathlib.Path) -> None:
    """(s, a, r, s') by the simulator: set s, apply a, and s' and r come out. With the file's own rows they do not."""
    episodes = [simulate(domain, task, seed) for seed in (1, 2)]
    for episode in episodes:
        episode["reward"] = np.full_like(episode["reward"], 7)  # what was paid while exploring is of no account
    own = [simulate(domain, task, seed)["reward"][1:, 0] for seed in (1, 2)]
    write(tmp_path, episodes, domain)
    data = load(tmp_path, f"{domain}-rnd-{task}")
    columns = {name: np.asarray(value) for name, value in data.columns.items()}
    assert data.n_episodes == 2 and data.n_transitions == 2 * STEPS
    np.testing.assert_array_equal(data.last, [STEPS] * (STEPS + 1) + [2 * STEPS + 1] * (STEPS + 1))
    np.testing.assert_array_equal(columns["rewards"][data.transitions], np.concatenate(own))
    assert (columns["masks"] == 1).all()
    with prepared():
        env: Any = suite.load(domain, task, {"random": 0}, {"flat_observation": True})
        env.reset()
    spec = env.action_spec()

    def apply(state: np.ndarray, action: np.ndarray) -> np.ndarray:
        with env.physics.reset_context():
            env.physics.set_state(state)
        scaled = spec.minimum + (action.astype(np.float64) + 1) / 2 * (spec.maximum - spec.minimum)
        return env.step(scaled).observation["observations"]

    states = np.concatenate([episode["physics"] for episode in episodes])
    unshifted = np.concatenate([episode["action"] for episode in episodes])
    errors = np.zeros((2, 0))
    for row in data.transitions[:: STEPS // 10]:
        after = columns["observations"][row + 1]
        tried = [apply(states[row], action) for action in (columns["actions"][row], unshifted[row])]
        errors = np.append(errors, [[np.abs(reached - after).max()] for reached in tried], axis=1)
    right, wrong = errors.max(axis=1)
    assert right < 1e-3 and wrong > 10 * right + 5e-3


def test_an_episode_that_ended_for_good_says_so_by_its_discount(tmp_path: pathlib.Path) -> None:
    episode = simulate("cheetah", "run", 0)
    episode["discount"][-1] = 0
    write(tmp_path, [episode], "cheetah")
    masks = np.asarray(load(tmp_path, "cheetah-rnd-run").columns["masks"])
    np.testing.assert_array_equal(np.flatnonzero(masks == 0), [STEPS - 1])


@functools.cache
def opened(domain: str, task: str) -> Any:
    with prepared():
        env = open_task(domain, task)
        env.reset()
    return env


def paid(domain: str, task: str, **values: Any) -> float:
    """What a task pays in the model's first state with some numbers of `qpos` and `qvel` set."""
    env = opened(domain, task)
    data = env.physics.data
    data.qpos[:], data.qvel[:] = env.physics.model.qpos0, 0
    for name, value in values.items():
        data_field, joint = name.split("_", 1)
        getattr(env.physics.named.data, data_field)[joint] = value
    mujoco.mj_forward(env.physics.model.ptr, data.ptr)
    return float(env.task.get_reward(env.physics))


def test_what_exorls_own_tasks_pay() -> None:
    for speed, reward in ((-12.0, 1.0), (-4.0, 0.4), (0.0, 0.0), (5.0, 0.0)):
        assert paid("cheetah", "run-backward", qvel_rootx=speed) == pytest.approx(reward)
    assert paid("cheetah", "run", qvel_rootx=5.0) == pytest.approx(0.5)
    # a spin of 1 rad/s has the inertia as its angular momentum, one of 5 kg m²/s pays in full
    inertia = 5 * paid("cheetah", "flip", qvel_rooty=1.0)
    assert 0.2 < inertia < 5 and paid("cheetah", "flip-backward", qvel_rooty=1.0) == 0
    assert paid("cheetah", "flip-backward", qvel_rooty=-2.5 / inertia) == pytest.approx(0.5)
    stand = paid("walker", "stand")
    assert stand == pytest.approx(1.0)
    assert paid("walker", "flip") == pytest.approx(stand / 6)
    assert paid("walker", "flip", qvel_rooty=100.0) == pytest.approx(stand)
    assert paid("quadruped", "stand") == pytest.approx(1.0)
    assert paid("quadruped", "stand", qpos_root=[0, 0, 2, 0, 1, 0, 0]) == pytest.approx(0.0)
    assert paid("quadruped", "jump", qpos_root=[0, 0, 3, 1, 0, 0, 0]) == pytest.approx(1.0)
    assert 0.5 < paid("quadruped", "jump", qpos_root=[0, 0, 0.6, 1, 0, 0, 0]) < 0.95
    assert paid("quadruped", "roll", qvel_root=[0, 0.25, 0, 0, 0, 0]) == pytest.approx(0.75)
    assert paid("quadruped", "roll-fast", qvel_root=[0, 0, 2.5, 0, 0, 0]) == pytest.approx(0.75)


def test_the_arm_is_paid_for_being_near_a_place_that_it_is_not_told(tmp_path: pathlib.Path) -> None:
    with prepared():
        env = open_task("jaco", "reach-bottom-right")
        first = env.reset()
    assert sum(part.size for part in first.observation.values()) == 42
    hand = env.physics.bind(env.task.hand.tool_center_point).xpos
    for place, reward in ((0.0, 1.0), (0.04, 1.0), (0.1, 0.1)):
        hand[:] = (0.09 + place, -0.09, 0.001)
        assert env.task.get_reward(env.physics) == pytest.approx(reward)


@pytest.mark.parametrize("domain", TASKS)
def test_every_task_opens_and_pays(domain: str) -> None:
    widths = set()
    for task in TASKS[domain]:
        compute = rewards.Rewards(parse(f"{domain}-rnd-{task}"))
        state = compute._physics.get_state()[None]
        reward = compute(state, np.zeros((1, compute.widths.action), np.float32), "here")
        assert reward.shape == (1,) and 0 <= reward[0] <= 1
        widths.add(compute.widths)
        compute.close()
    assert len(widths) == 1  # one buffer serves all tasks of a domain


def test_the_environment_plays_an_episode_by_seed() -> None:
    environment = ExORL("cartpole-rnd-swingup").environment()

    def play(seed: int) -> list[Any]:
        observation, goal = environment.reset("swingup", seed)
        assert goal is None and observation.dtype == np.float32
        results, rng = [], np.random.default_rng(0)
        while not results or not results[-1].done:
            results.append(environment.step(rng.uniform(-1, 1, 1)))
        return [observation, *results]

    first, again, other = play(2**40), play(2**40), play(4)
    assert len(first) == 1001 and first[-1].success is None
    for one, two in zip(first[1:], again[1:], strict=True):
        np.testing.assert_array_equal(one.observation, two.observation)
        assert one.reward == two.reward
    assert not np.array_equal(first[0], other[0])
    with pytest.raises(ConfigError, match="no task 'walk'; the only task is swingup"):
        environment.reset("walk", 0)
    environment.close()


def test_actions_reach_the_bounds_of_the_actuators() -> None:
    environment = DmControlEnvironment(lambda: open_task("quadruped", "walk"), "walk")
    environment.reset("walk", 0)
    spec = environment._env.action_spec()
    assert spec.maximum.max() > 1 > spec.maximum.min()
    for action, control in ((1.0, spec.maximum), (-5.0, spec.minimum), (0.0, (spec.maximum + spec.minimum) / 2)):
        environment.step(np.full(12, action))
        np.testing.assert_allclose(environment._env.physics.data.ctrl, control)
    environment.close()


def _without(array: str) -> Any:
    return lambda episode: episode.pop(array)


def _nan(array: str, row: int) -> Any:
    return lambda episode: episode[array].__setitem__((row, 0), np.nan)


def _set(array: str, value: Any) -> Any:
    return lambda episode: episode.update({array: value(episode[array])})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_without("physics"), "episode_000001_40.npz has no array physics"),
        (_without("discount"), "episode_000001_40.npz has no array discount"),
        (_nan("observation", 3), "episode_000001_40.npz: observation, row 3, is not finite"),
        (_nan("physics", 5), "episode_000001_40.npz: physics, row 5, is not finite"),
        (_set("physics", lambda x: x * 1e12), "episode_000001_40.npz: physics, row 0, holds a coordinate beyond 1e.10"),
        (_set("observation", lambda x: x[:, :5]), r"observation has shape \(41, 5\), but .* \(41, 17\)"),
        (_set("action", lambda x: np.tile(x, 2)), r"action has shape \(41, 12\), but .* \(41, 6\)"),
        (_set("action", lambda x: 3 * x), "episode_000001_40.npz: action, row 0, is beyond"),
        (_set("observation", lambda x: x.astype(object)), "observation.*dtype object"),
        (_set("discount", lambda x: x[:-1]), r"discount has shape \(40, 1\), but .* \(41, 1\)"),
    ],
)
def test_a_broken_episode_is_named_with_its_array(change: Any, says: str, tmp_path: pathlib.Path) -> None:
    episodes = [simulate("cheetah", "run", seed) for seed in (0, 1)]
    change(episodes[1])
    write(tmp_path, episodes, "cheetah")
    with pytest.raises(DataError, match=says):
        load(tmp_path, "cheetah-rnd-run")


def test_episodes_are_chosen_split_and_digested(tmp_path: pathlib.Path) -> None:
    folder = write(tmp_path, [simulate("cheetah", "run", seed, 3 + seed) for seed in range(8)], "cheetah")
    training, validation = ExORL("cheetah-rnd-run", dir=str(tmp_path), episodes=4, validation=0.25).load()
    assert training.n_transitions == 3 + 4 + 5 and validation is not None and validation.n_transitions == 6
    for directory in (tmp_path, folder.parent, folder):
        assert ExORL("cheetah-rnd-run", dir=str(directory)).present() == folder
    with pytest.raises(DataError, match="holds 8 episodes, not the 9 of dataset.episodes"):
        load(tmp_path, "cheetah-rnd-run", episodes=9)

    def digest(**options: Any) -> str:
        return ExORL("cheetah-rnd-run", dir=str(tmp_path), **options).provenance()["files"][0]["sha256"]

    before = {None: digest(), 4: digest(episodes=4)}
    assert before[None] != before[4]
    np.savez(folder / "episode_000005_8.npz", **simulate("cheetah", "run", 50, 8))
    assert digest() != before[None] and digest(episodes=4) == before[4]


def test_rewards_are_computed_once(tmp_path: pathlib.Path, cache: pathlib.Path, monkeypatch: Any) -> None:
    folder = write(tmp_path, [simulate("cheetah", "run", seed) for seed in (0, 1)], "cheetah")
    first = np.asarray(load(tmp_path, "cheetah-rnd-run").columns["rewards"])
    backward = np.asarray(load(tmp_path, "cheetah-rnd-run-backward").columns["rewards"])
    assert len(list((cache / "rewards").iterdir())) == 2 and not np.array_equal(first, backward)

    def never(*args: Any) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(rewards.Rewards, "__call__", never)
    np.testing.assert_array_equal(load(tmp_path, "cheetah-rnd-run").columns["rewards"], first)
    [kept] = (path for path in (cache / "rewards").iterdir() if "backward" not in path.name)
    np.savez(kept, rewards=np.zeros(3, np.float32))
    with pytest.raises(DataError, match="cached rewards .* are those of other files"):
        load(tmp_path, "cheetah-rnd-run")
    kept.write_bytes(b"broken")
    with pytest.raises(AssertionError, match="computed again"):
        load(tmp_path, "cheetah-rnd-run")
    np.savez(folder / "episode_000000_40.npz", **simulate("cheetah", "run", 9))
    with pytest.raises(AssertionError, match="computed again"):
        load(tmp_path, "cheetah-rnd-run-backward")


def test_generation_is_all_or_nothing_and_over_nobodys(
    tmp_path: pathlib.Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = ExORL("point_mass-random-easy")
    folder = found.generate(tmp_path / "a", episodes=2, seed=5)
    assert sorted(path.name for path in folder.iterdir()) == ["episode_000000_1000.npz", "episode_000001_1000.npz"]
    other = found.generate(tmp_path / "b", episodes=2, seed=5)
    assert [path.read_bytes() for path in sorted(folder.iterdir())] == [
        path.read_bytes() for path in sorted(other.iterdir())
    ]
    about = ExORL(found.name, dir=str(tmp_path / "a")).provenance()
    assert about["origin"] == "generated" and about["record"]["seed"] == 5
    found.generate(tmp_path / "a", episodes=2, seed=5)
    assert "already there" in capsys.readouterr().err
    with pytest.raises(DataError, match="made with another seed and episodes"):
        found.generate(tmp_path / "a", episodes=3, seed=6)
    (tmp_path / "c/point_mass/random").mkdir(parents=True)
    with pytest.raises(DataError, match="was not generated here and is left alone"):
        found.generate(tmp_path / "c", episodes=1, seed=0)
    with pytest.raises(DataError, match="needs a trained agent.*cfgrl data generate walker-random-run"):
        ExORL("walker-rnd-run").generate(tmp_path / "d", episodes=1, seed=0)
    with pytest.raises(ConfigError, match="--episodes must be at least 1"):
        found.generate(tmp_path / "d", episodes=0, seed=0)

    def full(*args: Any, **arrays: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_files, "write_npz", full)
    with pytest.raises(DataError, match="cannot be written .No space left"):
        found.generate(tmp_path / "e", episodes=1, seed=0)
    assert [path.name for path in (tmp_path / "e/point_mass").iterdir()] == [".random.lock"]


def test_names_say_what_is_known() -> None:
    assert parse("cheetah-icm_apt-run-backward") == ("cheetah", "icm_apt", "run-backward")
    with pytest.raises(ConfigError, match="ExORL's walker has no task 'fly' here; it has stand, walk, run, flip"):
        ExORL("walker-rnd-fly")
    with pytest.raises(ConfigError, match="did you mean 'walker-rnd-run'"):
        ExORL("walkr-rnd-run")
    with pytest.raises(ConfigError, match="no name of an ExORL data set"):
        ExORL("walker-../..-run")
    with pytest.raises(DataError, match="unpack https://.*/walker/proto.zip into DIR/walker/proto and set dataset.dir"):
        ExORL("walker-proto-run").load()
    with pytest.raises(DataError, match="not downloaded by this command"):
        ExORL("walker-proto-run").fetch()
    with pytest.raises(DataError, match="make some on this machine with `cfgrl data generate walker-random-run"):
        ExORL("walker-random-run").load()
