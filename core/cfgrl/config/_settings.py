"""Settings of a run that no algorithm sees: how long, how often saved, how judged.

Plain frozen dataclasses, read from the `train`, `act`, `checkpoint` and `eval` tables of a preset by the same builder
as components. No jax here: the command line reads them before anything heavy is imported.
"""

import dataclasses
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Len


@dataclasses.dataclass(frozen=True)
class Training:
    """The `train` table.

    **Arguments:**

    - `steps`: number of updates.
    - `batch_size`: transitions in one update.
    - `precision`: of the matrix products of updates in the layers of `cfgrl.nn`, those of critics and labels too:
      `float32`, or `bfloat16` for devices that multiply it faster. Parameters, optimiser and acting stay float32.
    - `log_every`: updates between two lines of metrics; checkpoints and evaluations that are due are made there.
    - `eval_every`: updates between two evaluations during training; 0 for none.
    - `residency`: where the data lie: on the `device`, on the `host` to be streamed, or, with `auto`, on the device
      where they fit the budget. It decides no bit of the result.
    - `data_memory`: that budget in GiB; half of the device's free memory if not given.
    - `trackers`: where metrics go beside the JSON lines: `tensorboard`, `wandb`.
    - `labeler_from`: a finished run directory whose labelers are taken, and learn no more.
    """

    steps: Annotated[int, Ge(1)] = 1_000_000
    batch_size: Annotated[int, Ge(1)] = 1024
    precision: Literal["float32", "bfloat16"] = "float32"
    log_every: Annotated[int, Ge(1)] = 100
    eval_every: Annotated[int, Ge(0)] = 0
    residency: Literal["auto", "device", "host"] = "auto"
    data_memory: Annotated[float, Gt(0)] | None = None
    trackers: tuple[str, ...] = ()
    labeler_from: str | None = None


@dataclasses.dataclass(frozen=True)
class Acting:
    """The `act` table.

    **Arguments:**

    - `execute`: how many actions of a chunk are executed before the next chunk is generated; all if not given.
    """

    execute: Annotated[int, Ge(1)] | None = None


@dataclasses.dataclass(frozen=True)
class Checkpointing:
    """The `checkpoint` table.

    **Arguments:**

    - `every`: updates between two checkpoints, rounded up to the next line of metrics.
    - `keep`: how many of the newest checkpoints stay on disk.
    """

    every: Annotated[int, Ge(1)] = 50_000
    keep: Annotated[int, Ge(1)] = 2


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """The `eval` table.

    **Arguments:**

    - `weights`: guidance weights to evaluate; ignored where the agent has no dial.
    - `episodes`: episodes for each agent seed, task and weight.
    - `tasks`: names or numbers of the tasks; empty for all.
    - `environments`: environments held at once, rounded down to a power of two for each agent seed and worker; more act
      faster and take more memory (manipulation: 190 MB each).
    - `timeout`: seconds that one reset or step of an environment may take before its episode has failed.
    """

    weights: Annotated[tuple[float, ...], Len(1)] = (0.0, 1.0, 1.5, 2.0, 3.0, 5.0)
    episodes: Annotated[int, Ge(1)] = 20
    tasks: tuple[str | int, ...] = ()
    environments: Annotated[int, Ge(1)] = 64
    timeout: Annotated[float, Gt(0)] = 60.0
