"""A bandit with two-dimensional actions and four modes: the smallest problem that tells policy classes apart.

The data are made by NumPy when they are used; there is no file. Four kinds of action are equally frequent and one of
them pays best, so that the best policy is known, and a picture of samples shows whether it was found.

Reference: Wang, Hunt, Zhou: Diffusion Policies as an Expressive Policy Class for Offline RL (Diffusion-QL),
arXiv 2208.06193, the bandit with rewards.
"""

import dataclasses
import hashlib
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge

from cfgrl import ConfigError, DataError, Dataset, Environment, StepResult

if TYPE_CHECKING:
    from cfgrl import Data

#: Where the four modes of the logged actions are, shape `(4, 2)`, and what each pays on average, shape `(4,)`.
CENTRES = np.array([(-0.8, 0.8), (-0.8, -0.8), (0.8, 0.8), (0.8, -0.8)])
REWARDS = np.array([3.0, 0.0, 1.5, 5.0])
#: Standard deviations of an action around its mode, and of a reward around its mean.
SPREAD, NOISE = 0.05, 0.5
#: Beyond this distance from every mode (four standard deviations) an action pays nothing: no data speak for it.
REACH = 4 * SPREAD
TASK = "reward"


def expected_rewards(actions: np.ndarray) -> np.ndarray:
    """The mean reward of actions of shape `(..., 2)`: that of the nearest mode within `REACH`, otherwise 0."""
    distances = np.linalg.norm(np.asarray(actions)[..., None, :] - CENTRES, axis=-1)
    return np.where(distances.min(axis=-1) <= REACH, REWARDS[distances.argmin(axis=-1)], 0.0)


@dataclasses.dataclass(frozen=True)
class Bandit(Dataset):
    """Diffusion-QL's bandit: one decision, an action in the plane, a reward.

    Actions are a quarter each from N(c, 0.05² I) around c = (±0.8, ±0.8), clipped to [-1, 1]. Rewards have a standard
    deviation of 0.5 around 3 at (−, +), 0 at (−, −), 1.5 at (+, +) and 5 at (+, −). An observation is one number and
    always 0; nothing follows a decision (`masks` are 0). The environment pays an action by its nearest mode where
    that is within 0.2 (99.97 % of the logged actions are), and nothing elsewhere; the paper has no environment.

    **Arguments:**

    - `size`: logged decisions to train on; a tenth as many more are for validation.
    - `seed`: decides every one of them.
    """

    size: Annotated[int, Ge(10)] = 10_000
    seed: Annotated[int, Ge(0)] = 0

    catalogue: ClassVar[Mapping[str, str]] = {
        "bandit": "Diffusion-QL's bandit: four modes in the plane, of which one pays best"
    }
    in_memory: ClassVar[bool] = True

    def load(self) -> "tuple[Data, Data | None]":
        """Make training and validation data."""
        from cfgrl import Data

        training, validation = self._arrays()
        return Data.from_arrays(**training, source="bandit"), Data.from_arrays(**validation, source="bandit")

    def provenance(self) -> dict[str, Any]:
        """No files; a record of size, seed, NumPy's version and the SHA-256 of what they give."""
        digest = hashlib.sha256()
        for arrays in self._arrays():
            for array in arrays.values():
                digest.update(array.tobytes())
        record = {
            "size": self.size,
            "seed": self.seed,
            "versions": {"numpy": np.__version__},
            "sha256": digest.hexdigest(),
        }
        return {"name": "bandit", "files": [], "origin": "generated", "record": record}

    @property
    def tasks(self) -> tuple[str, ...]:
        """The one task: to be paid. It knows a return and no success."""
        return (TASK,)

    def environment(self) -> Environment:
        """A new environment."""
        return BanditEnvironment()

    def generate(self, directory: pathlib.Path | None, *, episodes: int | None, seed: int) -> pathlib.Path:
        """There is nothing to generate. Raises `DataError`."""
        del directory, episodes, seed
        raise DataError(
            "There is nothing to generate: the bandit's data are made in memory whenever they are used "
            "(dataset.size and dataset.seed decide them)."
        )

    def fetch(self) -> pathlib.Path:
        """There is nothing to download. Raises `DataError`."""
        raise DataError("There is nothing to download: the bandit's data are made in memory whenever they are used.")

    def _arrays(self) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        streams = np.random.default_rng(self.seed).spawn(2)
        return _decisions(self.size, streams[0]), _decisions(self.size // 10, streams[1])


def _decisions(count: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Episodes of one decision each: a row with it, and a row that is an observation only."""
    mode = np.arange(count) % len(CENTRES)
    rows = 2 * count
    actions, rewards, masks = np.zeros((rows, 2), np.float32), np.zeros(rows, np.float32), np.ones(rows, np.float32)
    actions[::2] = np.clip(CENTRES[mode] + SPREAD * rng.standard_normal((count, 2)), -1.0, 1.0)
    rewards[::2] = REWARDS[mode] + NOISE * rng.standard_normal(count)
    masks[::2] = 0.0
    terminals = np.arange(rows) % 2 == 1
    observations = np.zeros((rows, 1), np.float32)
    return {
        "observations": observations,
        "actions": actions,
        "terminals": terminals,
        "rewards": rewards,
        "masks": masks,
    }


class BanditEnvironment(Environment):
    """One step: `expected_rewards` of the action, with noise of standard deviation 0.5 that the seed decides."""

    def __init__(self) -> None:
        self._noise = 0.0

    def reset(self, task: str, seed: int) -> tuple[np.ndarray, None]:
        """Start a decision. Raises `ConfigError` for an unknown task."""
        if task != TASK:
            raise ConfigError(f"There is no task {task!r}; the bandit's only task is {TASK}.")
        self._noise = NOISE * float(np.random.default_rng(seed).standard_normal())
        return np.zeros(1, np.float32), None

    def step(self, action: np.ndarray) -> StepResult:
        """Pay the action; the episode is over."""
        return StepResult(np.zeros(1, np.float32), float(expected_rewards(action)) + self._noise, True, None)
