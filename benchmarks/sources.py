"""A real run for each source of data, on small sets that are made here: what was recorded, and what was learnt of it.

    python benchmarks/sources.py [DIR] [--steps N]

- Pendulum-v1, 100 episodes by a controller that swings it up and is replaced by random torques for a share of each
  episode's steps: once in Minari's form, once as an npz and once as an HDF5 file with names of its own.
- Hopper-v5 under random actions, in D4RL's form.
- dm_control's walker under random actions, in ExORL's form, with the reward for standing.

Each is cloned (flow-bc) and improved (cfgrl-offline, cfgrl-exorl) at a small size with two agent seeds; returns are
means over 2 x 10 episodes with 95 % intervals, beside the mean return of the recorded episodes.
"""

import argparse
import contextlib
import io
import json
import os
import pathlib
import sys
import tempfile
import warnings
from typing import Any

import numpy as np

from cfgrl.cli._main import main as cfgrl

SMALL = ["view.normalize=true", "policy.network.hidden=[128,128,128]", "train.batch_size=256", "train.log_every=500"]
CRITIC = ["labeler.network.hidden=[128,128]"]
SEEDS = ["--seeds", "0,1"]


def pendulum(episodes: int = 100, seed: int = 0) -> list[dict[str, np.ndarray]]:
    """Episodes of 200 steps; the share of random torques is uniform from 0 to 1."""
    import gymnasium

    env, rng, made = gymnasium.make("Pendulum-v1"), np.random.default_rng(seed), []
    for number in range(episodes):
        observation, _ = env.reset(seed=seed + number)
        share = rng.random()
        rows: dict[str, list] = {"observations": [observation], "actions": [], "rewards": []}
        for _ in range(200):
            action = rng.uniform(-1, 1) if rng.random() < share else swing_up(observation)
            observation, reward, *_ = env.step(np.array([2 * action], np.float32))
            rows["observations"].append(observation)
            rows["actions"].append([action])
            rows["rewards"].append(reward)
        made.append({name: np.asarray(values, np.float32) for name, values in rows.items()})
    return made


def swing_up(observation: np.ndarray) -> float:
    """A torque in [-1, 1]: pumps energy in, and balances near the top."""
    cosine, sine, speed = observation
    if cosine > 0.85:
        return float(np.clip(-8.0 * sine - 2.0 * speed, -1, 1))
    energy = speed**2 / 6 + 5 * (cosine - 1)  # zero at rest at the top
    return float(np.clip(-2.0 * energy * np.sign(speed), -1, 1)) if abs(speed) > 1e-3 else 1.0


def own_arrays(episodes: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The episodes as rows of T + 1, under names of our own."""
    padded = [
        {
            "obs": e["observations"],
            "torque": np.concatenate([e["actions"], np.zeros((1, 1), np.float32)]),
            "pay": np.append(e["rewards"], np.float32(0)),
            "end": np.append(np.zeros(len(e["rewards"]), bool), True),
        }
        for e in episodes
    ]
    return {name: np.concatenate([e[name] for e in padded]) for name in padded[0]}


def write_pendulum(folder: pathlib.Path) -> float:
    """Write the three forms; returns the mean return."""
    import h5py

    episodes = pendulum()
    arrays: dict[str, Any] = own_arrays(episodes)
    np.savez(folder / "pendulum.npz", **arrays)
    with h5py.File(folder / "pendulum.hdf5", "w") as file:
        for name, array in arrays.items():
            file[f"log/{name}"] = array
    write_minari(folder / "minari", episodes)
    return float(np.mean([e["rewards"].sum() for e in episodes]))


def write_minari(folder: pathlib.Path, episodes: list[dict[str, np.ndarray]]) -> None:
    """Through Minari's own interface."""
    os.environ["MINARI_DATASETS_PATH"] = str(folder)
    import minari
    from minari.data_collector.episode_buffer import EpisodeBuffer

    buffers = [
        EpisodeBuffer(
            id=number,
            observations=list(e["observations"]),
            actions=list(2 * e["actions"]),
            rewards=e["rewards"].tolist(),
            terminations=[False] * len(e["rewards"]),
            truncations=[False] * (len(e["rewards"]) - 1) + [True],
        )
        for number, e in enumerate(episodes)
    ]
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it would like to know an author
        minari.create_dataset_from_buffers("cfgrl/pendulum-v0", buffers, env="Pendulum-v1")


def write_hopper(folder: pathlib.Path, transitions: int = 50_000) -> float:
    """Random actions in Hopper-v5 as a file in D4RL's form; returns the mean return."""
    import gymnasium
    import h5py

    env, rng = gymnasium.make("Hopper-v5"), np.random.default_rng(0)
    names = ("observations", "actions", "rewards", "next_observations", "terminals", "timeouts")
    rows: dict[str, list] = {name: [] for name in names}
    returns, total = [], 0.0
    observation, _ = env.reset(seed=0)
    for _ in range(transitions):
        action = rng.uniform(-1, 1, 3).astype(np.float32)
        following, reward, terminated, truncated, _ = env.step(action)
        values = (observation, action, reward, following, terminated, truncated)
        for name, value in zip(names, values, strict=True):
            rows[name].append(value)
        total, observation = total + float(reward), following
        if terminated or truncated:
            returns.append(total)
            total, (observation, _) = 0.0, env.reset()
    with h5py.File(folder / "hopper-random-v2.hdf5", "w") as file:
        for name, values in rows.items():
            array = np.asarray(values)
            file[name] = array if array.dtype == bool else array.astype(np.float32)
    return float(np.mean(returns))


def run(words: list[str]) -> str:
    """A command as a user types it; returns what it printed."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        code = cfgrl(words)
    if code:
        sys.exit(code)
    return printed.getvalue()


def learn(preset: str, name: str, dataset: list[str], folder: pathlib.Path, steps: int) -> None:
    """Train, judge, print."""
    critic = [] if preset == "flow-bc" else CRITIC
    directory = str(folder / f"{preset}-{name}")
    run(["train", preset, *dataset, *SMALL, *critic, f"train.steps={steps}", *SEEDS, "--run-dir", directory])
    weights = [] if preset == "flow-bc" else ["--weights", "1,1.5,2,3"]
    record = json.loads(run(["eval", directory, *weights, "--episodes", "10", "--json"]))
    for result in record["results"]:
        low, high = result["return_ci"]
        at = "" if result["weight"] is None else f" w = {result['weight']:g}"
        print(f"{name:<16}{preset + at:<24}{result['return']:9.1f} [{low:.1f}, {high:.1f}]", flush=True)


def main() -> None:
    """Make, train, judge, print."""
    parser = argparse.ArgumentParser(description="A real run for each source of data.")
    parser.add_argument(
        "folder", nargs="?", type=pathlib.Path, help="keeps data and runs; a temporary one if not given"
    )
    parser.add_argument("--steps", type=int, default=5000, help="updates of each run")
    args = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = args.folder or pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        names = ["observations=obs", "actions=torque", "rewards=pay", "terminals=end"]
        own = ["dataset.layout=rows", "dataset.environment_id=Pendulum-v1", "view.reward_scale=0.1"]
        npz = ["dataset.use=npz", f"dataset.file={folder}/pendulum.npz", *(f"dataset.{name}" for name in names)]
        hdf5 = ["dataset.use=hdf5", f"dataset.file={folder}/pendulum.hdf5"]
        hdf5 += [f"dataset.{name.replace('=', '=log/')}" for name in names]
        sources = {
            "npz": [*npz, *own],
            "hdf5": [*hdf5, *own],
            "minari": ["dataset.use=minari", "dataset.name=cfgrl/pendulum-v0", f"dataset.dir={folder}/minari", own[2]],
            "d4rl": ["dataset.use=d4rl", "dataset.name=hopper-random-v2", f"dataset.dir={folder}"],
            "exorl": ["dataset.use=exorl", "dataset.name=walker-random-stand", f"dataset.dir={folder}"],
        }
        print(f"recorded: pendulum {write_pendulum(folder):.1f}, hopper {write_hopper(folder):.1f} an episode")
        run(["data", "generate", "walker-random-stand", "--episodes", "50", "--dir", str(folder)])
        print(run(["data", "check", "walker-random-stand", "--dir", str(folder)]))
        for name, dataset in sources.items():
            for preset in ("flow-bc", "cfgrl-exorl" if name == "exorl" else "cfgrl-offline"):
                learn(preset, name, dataset, folder, args.steps)


if __name__ == "__main__":
    main()
