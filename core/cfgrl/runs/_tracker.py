"""Where metrics go beside `metrics.jsonl`: TensorBoard and Weights & Biases behind one interface.

`train.trackers` names them; each is an extra of the package and is imported only when it is named. A run directory
stays complete without them, so a tracker holds nothing that a run needs.
"""

import difflib
import importlib
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from cfgrl._errors import ConfigError


@runtime_checkable
class Tracker(Protocol):
    """Takes metrics as they are measured."""

    def log(self, step: int, seed: int, metrics: Mapping[str, float]) -> None:
        """Record what agent seed `seed` measured after `step` updates, by names as in `metrics.jsonl`."""
        ...

    def close(self) -> None:
        """Write what is still held; called once, at the end."""
        ...


class TensorBoard:
    """Event files in `tensorboard/seed<k>/` of the run directory, one curve an agent seed.

    **Arguments:**

    - `run_dir`: the run directory.
    - `config`: not used; TensorBoard shows curves only.
    - `step`: updates done when the run starts or resumes; what was written after it is hidden.
    """

    def __init__(self, run_dir: pathlib.Path, config: Mapping[str, Any], step: int = 0) -> None:
        del config
        self._module = _require("tensorboardX", "tensorboard")
        self._folder = run_dir / "tensorboard"
        self._step = step
        self._writers: dict[int, Any] = {}

    def log(self, step: int, seed: int, metrics: Mapping[str, float]) -> None:
        """See `Tracker.log`."""
        if seed not in self._writers:
            folder = self._folder / f"seed{seed}"
            # A run that was killed may have written beyond its last checkpoint; those points are purged.
            purge = self._step + 1 if self._step else None
            self._writers[seed] = self._module.SummaryWriter(str(folder), purge_step=purge)
        for name, value in metrics.items():
            self._writers[seed].add_scalar(name, value, step)

    def close(self) -> None:
        """See `Tracker.close`."""
        for writer in self._writers.values():
            writer.close()


class WandB:
    """A Weights & Biases run; every metric's name is preceded by `seed<k>/`.

    It is written to `wandb/` in the run directory and sent nowhere, because training uses no network: `wandb sync`
    sends it later, and `WANDB_MODE=online` at once.

    **Arguments:**

    - `run_dir`: the run directory.
    - `config`: the resolved configuration, shown with the run.
    - `step`: updates done when the run starts or resumes.
    """

    def __init__(self, run_dir: pathlib.Path, config: Mapping[str, Any], step: int = 0) -> None:
        # For its own telemetry too, which asks the environment and not the run, and would use a network.
        mode = os.environ.setdefault("WANDB_MODE", "offline")
        self._module = wandb = _require("wandb", "wandb")
        # W&B would put its files below the temporary folder if this one did not exist.
        (run_dir / "wandb").mkdir(parents=True, exist_ok=True)
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", "cfgrl"),
            name=run_dir.resolve().name,
            dir=str(run_dir),
            config=dict(config),
            mode=mode,
            # A resumed run is another run on the same curves: offline files cannot be appended to.
            group=run_dir.resolve().name,
            notes=f"resumed after {step} updates" if step else None,
            settings=wandb.Settings(silent=True, console="off"),
        )

    def log(self, step: int, seed: int, metrics: Mapping[str, float]) -> None:
        """See `Tracker.log`."""
        self._run.log({f"seed{seed}/{name}": value for name, value in metrics.items()}, step=step)

    def close(self) -> None:
        """See `Tracker.close`."""
        self._run.finish()
        # `finish` can return a moment before the record is on the disk; the service's end waits for it.
        self._module.teardown()


class Trackers:
    """Several trackers, of which none can end a run: one that fails is told and left out from then on."""

    def __init__(self, trackers: Sequence[Tracker], say: Callable[[str], None]):
        self._trackers, self._say = list(trackers), say

    def log(self, step: int, seed: int, metrics: Mapping[str, float]) -> None:
        """See `Tracker.log`."""
        for tracker in list(self._trackers):
            self._try(tracker, lambda tracker: tracker.log(step, seed, metrics))

    def close(self) -> None:
        """See `Tracker.close`."""
        for tracker in list(self._trackers):
            self._try(tracker, lambda tracker: tracker.close())

    def _try(self, tracker: Tracker, what: Callable[[Tracker], None]) -> None:
        try:
            what(tracker)
        except Exception as error:  # of other people's packages, services and disks
            self._trackers.remove(tracker)
            self._say(f"warning: {type(tracker).__name__} failed ({error}) and is left out; metrics.jsonl is complete.")


TRACKERS: Mapping[str, Callable[[pathlib.Path, Mapping[str, Any], int], Tracker]] = {
    "tensorboard": TensorBoard,
    "wandb": WandB,
}


def make_trackers(
    names: Sequence[str], run_dir: pathlib.Path, config: Mapping[str, Any], *, step: int = 0
) -> tuple[Tracker, ...]:
    """The trackers called `names`, each once.

    **Arguments:**

    - `names`: of `tensorboard`, `wandb`.
    - `run_dir`: the run directory, below which they write.
    - `config`: the resolved configuration.
    - `step`: updates done when the run starts or resumes.

    **Raises:** `ConfigError` for an unknown name, and for one whose package is not installed.
    """
    for name in names:
        if name not in TRACKERS:
            close = difflib.get_close_matches(name, TRACKERS, n=1)
            hint = f"; did you mean '{close[0]}'?" if close else f"; there are {' and '.join(TRACKERS)}."
            raise ConfigError(f"train.trackers: there is no tracker '{name}'{hint}")
    return tuple(TRACKERS[name](run_dir, config, step) for name in dict.fromkeys(names))


def _require(module: str, extra: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(
            f"train.trackers: '{extra}' needs the package {module}, which cannot be imported ({error}). "
            f"Run `pip install 'cfgrl[{extra}]'`, or leave '{extra}' out of train.trackers."
        ) from None
