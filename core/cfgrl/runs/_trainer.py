"""`train_run`: an experiment trained in a run directory: metrics, checkpoints, evaluations, signals, resume.

At every log point the order is: metrics on the disk, then the checkpoint, then an evaluation that is due. Whatever
kills the process, the same command cuts the metrics back to the newest checkpoint and repeats the rest bit for bit.
"""

import time
from typing import Any

import equinox as eqx
import jax
import numpy as np

from cfgrl._errors import NumericError
from cfgrl._stage import AgentState, init
from cfgrl._train import Chunk, check_finite, train_chunk, validation_loss
from cfgrl.config._experiment import Experiment
from cfgrl.config._run_config import write_config
from cfgrl.data._data import Data
from cfgrl.data._residency import place
from cfgrl.runs import _checkpoint
from cfgrl.runs._borrow_critic import check_same_taken, take_labelers
from cfgrl.runs._chunk_length import ChunkLength
from cfgrl.runs._load import seed_keys
from cfgrl.runs._periodic_evaluation import PeriodicEvaluation
from cfgrl.runs._progress import Progress
from cfgrl.runs._resume import check_same_data, differences
from cfgrl.runs._run import RunDirectory
from cfgrl.runs._running_means import RunningMeans
from cfgrl.runs._signals import Stop
from cfgrl.runs._tracker import Trackers, make_trackers
from cfgrl.runs._writer import Writer


def train_run(
    experiment: Experiment, run: RunDirectory, *, stop: Stop, strict: bool = False, evaluate: bool = True
) -> bool:
    """Begin, resume or recognise as finished the run in `run`; the caller holds its lock and knows its configuration.

    **Arguments:**

    - `stop`: asked between two compiled calls; a requested stop saves and raises `Preempted`.
    - `strict`: refuse a broken checkpoint instead of falling back to the one before it.
    - `evaluate`: whether `train.eval_every` is followed.

    **Returns:** whether anything was left to do.
    """
    loop = _Loop(experiment, run, stop, strict)
    run.error.unlink(missing_ok=True)
    return loop.go(evaluate)


class _Loop:
    """One process's share of a run."""

    def __init__(self, experiment: Experiment, run: RunDirectory, stop: Stop, strict: bool):
        begun = run.exists
        self.experiment, self.run, self.stop = experiment, run, stop
        self.agent, self.settings = experiment.agent, experiment.training
        say = Progress("updates", 1).say
        data, validation = experiment.dataset.load()
        provenance = experiment.dataset.provenance()
        if begun:
            check_same_data(run, provenance)
        self.taken: dict[str, Any] | None = None
        saved, self.state, notes = self._begin(data, provenance, strict, say)
        self.step = max(saved, 0)
        self.window = RunningMeans(notes.get("window", {}), len(experiment.seeds))
        self.pace = ChunkLength(self.settings.log_every)
        # A finished run opens no tracker, and a tracker that cannot be opened leaves no half-made run directory.
        names = self.settings.trackers if self.step < self.settings.steps else ()
        self.trackers = Trackers(make_trackers(names, run.path, experiment.table, step=self.step), say)
        if begun:
            self._tell_differences(say)
        else:
            write_config(experiment, run.config)
            extra = {} if self.taken is None else {"labeler_from": self.taken}
            run.create_manifest(experiment.preset, provenance, {"columns": data.spec}, experiment.dataset.tasks, extra)
        run.rewind(self.step)
        self.data = self._place(data, "training", say)
        taken = sum(column.nbytes for column in data.columns.values())
        self.validation = None if validation is None else self._place(validation, "validation", say, taken)
        self.progress = Progress("updates", self.settings.steps, start=self.step)
        self.writer = Writer(run, experiment.checkpointing.keep, saved, self.progress.say)
        self.examiner = PeriodicEvaluation(experiment, run, stop, self.writer, say)

    def _begin(
        self, data: Data, provenance: dict[str, Any], strict: bool, say: Any
    ) -> tuple[int, AgentState, dict[str, Any]]:
        """Step, state and notes of the newest good checkpoint; -1 and the beginning where there is none."""
        keys = seed_keys(self.experiment.seeds)
        template = eqx.filter_eval_shape(lambda key: init(self.agent, Data.example(data.spec), key=key), keys)
        found = self.run.restore(template, strict=strict, warn=say)
        if found is None:
            return -1, self._with_labelers(init(self.agent, data, key=keys), provenance, say), {}
        return *found, _checkpoint.notes(self.run.checkpoints, found[0])

    def _with_labelers(self, state: AgentState, provenance: dict[str, Any], say: Any) -> AgentState:
        """A fresh state, with the labelers of another run where the settings name one."""
        if self.settings.labeler_from is None:
            return state
        state, self.taken = take_labelers(self.experiment, state, provenance)
        if self.run.exists:
            check_same_taken(self.run, self.taken)
        say(f"labelers taken from {self.taken['run']} at update {self.taken['step']}; they learn no more")
        return state

    def _tell_differences(self, say: Any) -> None:
        found = differences(self.run.manifest())
        for line in found:
            say(f"note: {line} since the run was begun; results may differ in their last bits")
        if found and self.step < self.settings.steps:
            self.run.record_resume(self.step, found)

    def _place(self, data: Data, what: str, say: Any, taken: int = 0) -> Data:
        memory = self.settings.data_memory
        budget = None if memory is None else max(0, int(memory * 2**30) - taken)
        placed = place(data, residency=self.settings.residency, budget=budget)
        say(f"{what} {placed.note}")
        return placed.data

    def go(self, evaluate: bool) -> bool:
        """Train to the end. Raises `Preempted` after a requested stop."""
        if not self._left(evaluate):
            return False
        try:
            while self._left(evaluate):
                if self.stop.requested:
                    self._save(final=True)
                    raise self.stop.preempted(f"at update {self.step} and saved")
                if evaluate and self.examiner.due(self.step):
                    self._save(final=self.step >= self.settings.steps)
                    self.examiner.examine(self.step, self.state)
                else:
                    self._advance()
            self._save(final=True)
            return True
        finally:
            self.trackers.close()

    def _left(self, evaluate: bool) -> bool:
        return self.step < self.settings.steps or (evaluate and self.examiner.due(self.step))

    def _advance(self) -> None:
        """One compiled call, and at a log point what belongs to it."""
        n = self.pace.length(self.step, self.settings.steps)
        began = time.monotonic()
        self.state, chunk = train_chunk(self.agent, self.data, self.state, n, capacity=self.pace.capacity)
        check_finite(chunk)
        seconds = time.monotonic() - began
        self.pace.took(n, seconds)
        self.step += n
        self.window.add(_on_host(chunk, n), seconds)
        every, last = self.settings.log_every, self.step >= self.settings.steps
        if self.step % every == 0 or last:
            self._log()
            before, spacing = (self.step - 1) // every * every, self.experiment.checkpointing.every
            if self.step // spacing > before // spacing:
                self._save(final=last)

    def _log(self) -> None:
        """Means over the updates since the last log point, and the validation loss now."""
        means, rate = self.window.close()
        if self.validation is not None:
            key = jax.random.fold_in(jax.random.key(0), self.step)
            losses = validation_loss(self.agent, self.validation, self.state, key)
            means |= {name: np.asarray(value) for name, value in losses.items()}
        wrong = [name for name, value in means.items() if not np.all(np.isfinite(value))]
        if wrong:
            raise NumericError(f"{wrong[0]} became NaN or infinite at update {self.step}; nothing was saved since.")
        records = []
        for position, seed in enumerate(self.experiment.seeds):
            values = {name: float(value[position]) for name, value in means.items()}
            values["run/train/updates_per_second"] = round(rate, 3)
            records.append({"step": self.step, "seed": seed, "time": time.time(), **values})
            self.trackers.log(self.step, seed, values)
        self.writer.note(self.run.metrics, records)
        losses = np.mean([means[f"{stage.name}/guidance/loss"] for stage in self.agent.stages])
        self.progress.show(self.step, f"loss {losses:.4f}")

    def _save(self, *, final: bool) -> None:
        self.writer.save(self.step, self.state, {"window": self.window.record}, final=final)


def _on_host(chunk: Chunk, n: int) -> dict[str, np.ndarray]:
    return {name: np.asarray(values)[:, :n] for name, values in chunk.metrics.items()}
