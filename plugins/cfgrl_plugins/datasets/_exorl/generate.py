"""Makes a small buffer in ExORL's layout on this machine from random actions, atomically, and overwrites nothing."""

import json
import os
import pathlib
import secrets
import shutil
import sys
from typing import Any

import numpy as np

from cfgrl import ConfigError, DataError

from .. import _files
from .._dm_control import action_scale, flat, prepared, reseed
from .names import RANDOM, TASKS, Name
from .rewards import Progress, versions
from .tasks import open_task

#: Episodes where none are asked for; a published buffer has 10,000.
EPISODES = 100
RECORD = "record.json"


def generate(name: Name, directory: pathlib.Path, *, episodes: int | None, seed: int) -> pathlib.Path:
    """Make `DOMAIN/random/buffer` below `directory`, or find that it has been made.

    **Arguments:**

    - `name`: the data set; all tasks of a domain share its buffer.
    - `directory`: where to.
    - `episodes`: how many; `None` for 100.
    - `seed`: decides, with the versions that the record names, every number.

    **Returns:** the folder of the episodes.

    **Raises:** `DataError` where it cannot be made, or where another folder is in the way.
    """
    if name.algorithm != RANDOM:
        raise DataError(
            f"What {name.algorithm} explored cannot be made here: that needs a trained agent. Actions at random can: "
            f"`cfgrl data generate {name.domain}-{RANDOM}-{name.task}`."
        )
    count = EPISODES if episodes is None else episodes
    if count < 1 or seed < 0:
        raise ConfigError("--episodes must be at least 1 and --seed at least 0.")
    making = {"name": f"{name.domain}-{RANDOM}", "seed": seed, "episodes": count}
    parent = directory.expanduser() / name.domain
    target = parent / RANDOM
    with _files.locked(parent, RANDOM):
        for stale in parent.glob(f".{RANDOM}.*.part"):  # left by a process that was killed: nobody else has the lock
            shutil.rmtree(stale, ignore_errors=True)
        if target.exists():
            _require_same(target, making)
            print(f"{target} is already there, made the same way; nothing to do.", file=sys.stderr)
        else:
            _make(name, target, making)
    return target / "buffer"


def read_record(buffer: pathlib.Path) -> dict[str, Any] | None:
    """How a buffer was made, from the record beside it; `None` if there is none."""
    record = _files.read_record(buffer.parent / RECORD)
    return record if record is not None and record.get("origin") == "generated" else None


def _require_same(target: pathlib.Path, making: dict[str, Any]) -> None:
    """Raise `DataError` where the folder in the way was not made like this."""
    record = read_record(target / "buffer")
    aside = "choose another folder with --dir, or move that one away first"
    if record is None:
        raise DataError(f"{target} was not generated here and is left alone: {aside}.")
    differs = [key for key in making if record.get(key) != making[key]]
    if differs:
        raise DataError(f"{target} was made with another {' and '.join(differs)}: {aside}.")


def _make(name: Name, target: pathlib.Path, making: dict[str, Any]) -> None:
    """Write all episodes and the record beside their place, then give them their name at once."""
    part = target.with_name(f".{RANDOM}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        (part / "buffer").mkdir(parents=True)
        with prepared():
            env = open_task(name.domain, TASKS[name.domain][0])
            progress = Progress(f"{name.domain}-{RANDOM}", making["episodes"])
            for number, sequence in enumerate(np.random.SeedSequence(making["seed"]).spawn(making["episodes"])):
                episode = roll_out(env, np.random.default_rng(sequence))
                file = part / "buffer" / f"episode_{number:06}_{len(episode['action']) - 1}.npz"
                _files.write_npz(file, episode)
                progress.show(number)
            env.close()
        record = {"origin": "generated", **making, "actions": "uniform", "versions": versions()}
        (part / RECORD).write_text(json.dumps(record, indent=2) + "\n")
        os.rename(part, target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def roll_out(env: Any, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """One episode of actions uniform in [-1, 1], as the arrays of a file."""
    scale = action_scale(env)
    reseed(env, int(rng.integers(2**63)))
    now, action = env.reset(), np.zeros(len(scale.low), np.float32)
    rows: list[tuple[np.ndarray, np.ndarray, float, float, np.ndarray]] = []
    while True:
        reward, discount = now.reward or 0.0, 1.0 if now.discount is None else now.discount
        rows.append((flat(now.observation), action, reward, discount, env.physics.get_state()))
        if now.last():
            break
        action = rng.uniform(-1, 1, len(scale.low)).astype(np.float32)
        now = env.step(scale.from_unit(action))
    observation, action, reward, discount, physics = (np.array(column) for column in zip(*rows, strict=True))
    return {
        "observation": observation,
        "action": action,
        "reward": reward[:, None].astype(np.float32),
        "discount": discount[:, None].astype(np.float32),
        "physics": physics,
    }
