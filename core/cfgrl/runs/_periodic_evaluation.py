"""`PeriodicEvaluation`: evaluations during training, as `train.eval_every` asks for them."""

from collections.abc import Callable

from cfgrl._errors import DataError
from cfgrl._stage import AgentState
from cfgrl.config._experiment import Experiment
from cfgrl.records import _journal
from cfgrl.runs._evaluate import judge_experiment
from cfgrl.runs._run import RunDirectory
from cfgrl.runs._signals import Stop
from cfgrl.runs._writer import Writer


class PeriodicEvaluation:
    """Knows which evaluations a run has had, and makes those that are due.

    **Arguments:**

    - `run`: whose `eval.jsonl` has been cut back to the step that the run goes on from.
    - `stop`: a requested stop ends an evaluation, which is made from its beginning when the run goes on.
    - `writer`: writes the records.
    - `say`: takes a note.
    """

    def __init__(
        self, experiment: Experiment, run: RunDirectory, stop: Stop, writer: Writer, say: Callable[[str], None]
    ):
        self._experiment, self._run, self._stop, self._writer = experiment, run, stop, writer
        self._every = experiment.training.eval_every if experiment.dataset.tasks else 0
        if experiment.training.eval_every and not self._every:
            say("note: the data set has no environment; nothing is evaluated during training")
        made = (r["step"] for r in _journal.read(run.evaluations) if r.get("during_training"))
        self._last = max(made, default=0)

    def due(self, step: int) -> bool:
        """Whether `step` is to be evaluated: at the first log point from a multiple of `train.eval_every`, and the end.

        Calls and stops between two log points depend on the clock, and may not decide what is evaluated.
        """
        training = self._experiment.training
        ended = step >= training.steps
        if not self._every or step == 0 or (step % training.log_every and not ended):
            return False
        return step // self._every > self._last // self._every or (ended and self._last < step)

    def examine(self, step: int, state: AgentState) -> None:
        """Evaluate and append the record. Raises `Preempted` after a requested stop."""
        try:
            record = judge_experiment(self._experiment, state, lambda done, total: self._obey(step)).record
        except DataError:  # a stop that reached the workers too is a stop, not a fault of theirs
            self._obey(step)
            raise
        record |= {"run": self._run.path.resolve().name, "step": step, "during_training": True}
        self._writer.note(self._run.evaluations, [record])
        self._last = step

    def _obey(self, step: int) -> None:
        if self._stop.requested:
            raise self._stop.preempted(f"while evaluating update {step}, which is saved")
