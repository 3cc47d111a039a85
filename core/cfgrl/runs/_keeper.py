"""`Keeper`: puts a run's metrics and checkpoints on the disk, and outlives a disk that is full for a while."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cfgrl._errors import CheckpointError, NumericError
from cfgrl._stage import AgentState
from cfgrl.runs import _checkpoint, _journal
from cfgrl.runs._run import RunDirectory


class Keeper:
    """Metrics go to the disk before the checkpoint that follows them, so that a resumed run has no gap.

    Metrics that cannot be written are held until they can. A checkpoint that cannot be written is tried again at the
    next interval; a second failure in a row ends the run.

    **Arguments:**

    - `run`: the directory.
    - `keep`: how many of the newest checkpoints stay.
    - `step`: of the checkpoint that the run goes on from; -1 where there is none.
    - `say`: takes a warning.
    """

    def __init__(self, run: RunDirectory, keep: int, step: int, say: Callable[[str], None]):
        self._run, self._keep, self._say = run, keep, say
        self._saved, self._failed = step, False
        self._held: list[dict[str, Any]] = []

    def log(self, records: Sequence[dict[str, Any]]) -> None:
        """Write metrics, or hold them."""
        told = bool(self._held)
        self._held += records
        try:
            self._write()
        except OSError as error:
            if not told:
                self._say(
                    f"warning: {self._run.metrics} cannot be written ({error.strerror or error}); tried again later."
                )

    def save(self, step: int, state: AgentState, notes: dict[str, Any], *, final: bool) -> None:
        """Write a checkpoint unless this step has one.

        **Arguments:**

        - `notes`: plain values that belong to it.
        - `final`: there is no next interval: a failure is an error at once.

        **Raises:** `NumericError` for a parameter that is not finite, `CheckpointError` where the disk has no room.
        """
        if step == self._saved:
            return
        check_parameters(state, step)
        try:
            self._write()
            _checkpoint.save(self._run.checkpoints, step, state, keep=self._keep, notes=notes)
        except (OSError, CheckpointError) as error:
            if not isinstance(error, CheckpointError):
                error = CheckpointError(
                    f"{self._run.metrics} cannot be written ({error.strerror or error}); free space."
                )
            if final or self._failed:
                raise error from None
            self._failed = True
            self._say(f"warning: {error} Training goes on; the next interval tries once more.")
            return
        self._saved, self._failed = step, False

    def _write(self) -> None:
        if self._held:
            _journal.append(self._run.metrics, self._held)
            self._held = []


def check_parameters(state: AgentState, step: int) -> None:
    """Raise `NumericError` naming a parameter that is not finite: its loss would be known only one update later."""
    for number, stage in enumerate(state.stages):
        for name, array in _checkpoint.flatten((stage.net, stage.ema)).items():
            if np.issubdtype(array.dtype, np.inexact) and not np.all(np.isfinite(array)):
                raise NumericError(
                    f"After update {step - 1} a parameter of stage {number + 1} is NaN or infinite ({name}); this "
                    "state is not saved. Lower optimizer.learning_rate or set optimizer.clip_norm."
                )
