"""`Writer`: puts a run's lines and checkpoints on the disk, and outlives a disk that is full for a while."""

import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cfgrl._errors import CheckpointError, NumericError
from cfgrl._stage import AgentState
from cfgrl.records import _journal
from cfgrl.runs import _checkpoint
from cfgrl.runs._run import RunDirectory


class Writer:
    """Metrics go to the disk before the checkpoint that follows them, so that a resumed run has no gap.

    Lines that cannot be written are held until they can. A checkpoint that cannot be written is tried again at the next
    interval; a second failure in a row ends the run.

    **Arguments:**

    - `run`: the directory.
    - `keep`: how many of the newest checkpoints stay.
    - `step`: of the checkpoint that the run goes on from; -1 where there is none.
    - `say`: takes a warning.
    """

    def __init__(self, run: RunDirectory, keep: int, step: int, say: Callable[[str], None]):
        self._run, self._keep, self._say = run, keep, say
        self._saved, self._failed = step, False
        self._held: dict[pathlib.Path, list[dict[str, Any]]] = {run.metrics: [], run.evaluations: []}

    def note(self, path: pathlib.Path, records: Sequence[dict[str, Any]]) -> None:
        """Append lines to the run's metrics or evaluations, or hold them."""
        told = bool(self._held[path])
        self._held[path] += records
        try:
            self._write()
        except CheckpointError as error:
            if not told:
                self._say(f"warning: {error} Its lines are held and tried again.")

    def save(self, step: int, state: AgentState, notes: dict[str, Any], *, final: bool) -> None:
        """Write what is held, and a checkpoint unless this step has one.

        **Arguments:**

        - `notes`: plain values that belong to it.
        - `final`: there is no next interval: a failure is an error at once.

        **Raises:** `NumericError` for a parameter that is not finite, `CheckpointError` where the disk has no room.
        """
        try:
            self._write()
            if step != self._saved:
                check_parameters(state, step)
                _checkpoint.save(self._run.checkpoints, step, state, keep=self._keep, notes=notes)
        except CheckpointError as error:
            if final or self._failed:
                raise
            self._failed = True
            self._say(f"warning: {error} Training goes on; the next interval tries once more.")
            return
        self._saved, self._failed = step, False

    def _write(self) -> None:
        for path, records in self._held.items():
            if records:
                _journal.append(path, records)
                self._held[path] = []


def check_parameters(state: AgentState, step: int) -> None:
    """Raise `NumericError` naming a parameter that is not finite: its loss would be known only one update later."""
    for number, stage in enumerate(state.stages, start=1):
        for name, array in _checkpoint.flatten((stage.net, stage.ema, stage.labeler)).items():
            if np.issubdtype(array.dtype, np.inexact) and not np.all(np.isfinite(array)):
                raise NumericError(
                    f"After update {step - 1} a parameter of stage {number} is NaN or infinite ({name}); this state is "
                    "not saved. Lower optimizer.learning_rate or set optimizer.clip_norm."
                )
