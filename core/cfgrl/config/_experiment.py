"""`Experiment`: all that a training run is made of, as built from a configuration."""

import dataclasses
from typing import TYPE_CHECKING, Any

from cfgrl.config._settings import Checkpointing, Evaluation, Training

if TYPE_CHECKING:
    from cfgrl._stage import Agent
    from cfgrl.data._dataset import Dataset


@dataclasses.dataclass(frozen=True)
class Experiment:
    """All that a training run is made of.

    **Arguments:**

    - `preset`: its name.
    - `table`: the complete configuration as plain TOML values, defaults of classes included.
    - `dataset`, `agent`, `training`, `checkpointing`, `evaluation`: as built.
    - `seeds`: of the agents that are trained together.
    - `plugins`: versions by name of the distributions whose components are used.
    - `disable`: what the registry left out, so that the same names mean the same later.
    """

    preset: str
    table: dict[str, Any]
    dataset: "Dataset"
    agent: "Agent"
    seeds: tuple[int, ...]
    training: Training
    checkpointing: Checkpointing
    evaluation: Evaluation
    plugins: dict[str, str]
    disable: tuple[str, ...] = ()
