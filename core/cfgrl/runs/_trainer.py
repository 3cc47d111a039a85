"""`train_run`: an experiment trained in a run directory: metrics, checkpoints, evaluations, signals, resume.

At every log point the order is: metrics on disk, then the checkpoint, then an evaluation that is due. Whatever kills
the process, the same command cuts the metrics back to the newest checkpoint and repeats the rest bit for bit.
"""

import contextlib
import time
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from cfgrl._data import Data
from cfgrl._errors import CfgrlError, CheckpointError, ConfigError, DataError, NumericError, Preempted
from cfgrl._place import place
from cfgrl._stage import AgentState, init
from cfgrl._train import check_finite, train_chunk, validation_loss
from cfgrl.config._build import Experiment, read_config, write_config
from cfgrl.config._build import check as complete
from cfgrl.runs import _checkpoint, _journal, _machine
from cfgrl.runs._judging import judge_experiment
from cfgrl.runs._progress import Progress
from cfgrl.runs._run import RunDirectory
from cfgrl.runs._signals import Stop
from cfgrl.runs._tracker import make_trackers


def train_run(
    experiment: Experiment, run: RunDirectory, *, stop: Stop, strict: bool = False, evaluate: bool = True
) -> bool:
    """Begin, resume or recognise as finished the run in `run`; the caller holds its lock.

    **Arguments:**

    - `stop`: asked at every log point; a requested stop saves and raises `Preempted`.
    - `strict`: refuse a broken checkpoint instead of falling back to the one before it.
    - `evaluate`: whether `train.eval_every` is followed.

    **Returns:** whether anything was left to do.
    """
    begun = run.exists
    if begun:
        check_same_configuration(experiment, run)
    loop = _Loop(experiment, run, stop, strict, begun)
    run.error.unlink(missing_ok=True)
    return loop.go(evaluate)


def check_same_configuration(experiment: Experiment, run: RunDirectory) -> None:
    """Raise `ConfigError` naming the keys in which the run's configuration differs."""
    resolved = read_config(run.config)
    recorded, given = _flat(resolved.table), _flat(experiment.table)
    with contextlib.suppress(CfgrlError):  # of a run whose components are gone, the keys still can be compared
        recorded = _flat(complete(resolved)) | recorded  # a key that is younger than the run has its default there
    differing = _machine.differences(*({k: v for k, v in flat.items() if k not in _FREE} for flat in (recorded, given)))
    if differing:
        raise ConfigError(
            f"{run.path} holds a run of another configuration, nothing was changed. Differing keys: "
            + "; ".join(differing)
            + ". Choose another --run-dir, or give the same keys to resume it."
        )


def seed_keys(seeds: tuple[int, ...]) -> jax.Array:
    """One random key an agent seed, shape `(seeds,)`."""
    return jax.vmap(jax.random.key)(jnp.asarray(seeds, jnp.uint32))


#: Keys that decide no bit of the result: a run may go on with others, on a machine with less memory for instance.
_FREE = ("train.residency", "train.data_memory")


class _Loop:
    """One process's share of a run."""

    def __init__(self, experiment: Experiment, run: RunDirectory, stop: Stop, strict: bool, begun: bool):
        self.experiment, self.run, self.stop = experiment, run, stop
        self.agent, self.settings = experiment.agent, experiment.training
        data, validation = experiment.dataset.load()
        provenance = experiment.dataset.provenance()
        if begun:
            self._check_manifest(run.manifest(), provenance)
        self.step, self.state = self._begin(data, strict)
        # A finished run opens no tracker, and a tracker that cannot be opened leaves no half-made run directory.
        names = self.settings.trackers if self.step < self.settings.steps else ()
        self.trackers = make_trackers(names, run.path, experiment.table, step=self.step)
        if not begun:
            write_config(experiment, run.config)
            run.create_manifest(experiment.preset, provenance, {"columns": data.spec}, experiment.dataset.tasks)
        run.rewind(self.step)
        self.data = self._place(data, "training")
        taken = sum(column.nbytes for column in data.columns.values())
        self.validation = None if validation is None else self._place(validation, "validation", taken)
        if self.settings.eval_every and not self.experiment.dataset.tasks:
            Progress("updates", 1).say("note: the data set has no environment; nothing is evaluated during training")
        self.saved = self.step if _checkpoint.steps(run.checkpoints) else -1
        self.progress = Progress("updates", self.settings.steps, start=self.step)

    def _place(self, data: Data, what: str, taken: int = 0) -> Data:
        memory = self.settings.data_memory
        budget = None if memory is None else max(0, int(memory * 2**30) - taken)
        placed = place(data, residency=self.settings.residency, budget=budget)
        Progress("updates", 1).say(f"{what} {placed.note}")
        return placed.data

    def _check_manifest(self, manifest: dict[str, Any], provenance: dict[str, Any]) -> None:
        if _digests(manifest["dataset"]) != _digests(provenance):
            remedy = "Point it at the original files" if provenance.get("files") else "Use its versions"
            raise DataError(
                f"The data set {provenance.get('name')} is not the one that {self.run.path} was begun with (SHA-256 "
                f"differs, see its manifest.json). {remedy}, or choose another --run-dir."
            )
        for what, now in (("versions", _machine.versions()), ("platform", _machine.machine())):
            for line in _machine.differences(manifest[what], now):
                Progress("updates", 1).say(
                    f"note: {line} since the run was begun; results may differ in their last bits"
                )

    def _begin(self, data: Data, strict: bool) -> tuple[int, AgentState]:
        keys = seed_keys(self.experiment.seeds)
        template = eqx.filter_eval_shape(lambda key: init(self.agent, Data.example(data.spec), key=key), keys)
        found = self.run.restore(template, strict=strict, warn=Progress("updates", 1).say)
        return found if found is not None else (0, init(self.agent, data, key=keys))

    def go(self, evaluate: bool) -> bool:
        if self.step >= self.settings.steps and not (evaluate and self._evaluation_due()):
            return False
        try:
            while True:
                if evaluate and self._evaluation_due():
                    self._save()
                    self._evaluate()
                if self.step >= self.settings.steps:
                    self._save()
                    return True
                self._advance()
        finally:
            for tracker in self.trackers:
                tracker.close()

    def _advance(self) -> None:
        every = self.settings.log_every
        n = min(every - self.step % every, self.settings.steps - self.step)
        began = time.monotonic()
        self.state, chunk = train_chunk(self.agent, self.data, self.state, n)
        check_finite(chunk)
        before, self.step = self.step, self.step + n
        self._log(chunk.metrics, n / (time.monotonic() - began))
        spacing = self.experiment.checkpointing.every
        last = self.step >= self.settings.steps
        if self.stop.requested or last or self.step // spacing > before // spacing:
            self._save(final=bool(self.stop.requested) or last)
        if self.stop.requested and not last:
            raise Preempted(self._stopped(f"at update {self.step} and saved"))

    def _log(self, metrics: dict[str, Any], rate: float) -> None:
        if self.validation is not None:
            key = jax.random.fold_in(jax.random.key(0), self.step)
            metrics = metrics | validation_loss(self.agent, self.validation, self.state, key)
        host = {name: np.asarray(value) for name, value in metrics.items()}
        wrong = [name for name, value in host.items() if not np.all(np.isfinite(value))]
        if wrong:
            raise NumericError(f"{wrong[0]} became NaN or infinite at update {self.step}; nothing was saved since.")
        records = []
        for position, seed in enumerate(self.experiment.seeds):
            values = {name: float(value[position]) for name, value in host.items()}
            values["run/train/updates_per_second"] = round(rate, 3)
            records.append({"step": self.step, "seed": seed, "time": time.time(), **values})
            for tracker in self.trackers:
                tracker.log(self.step, seed, values)
        _journal.append(self.run.metrics, records)
        losses = np.mean([host[f"{stage.name}/guidance/loss"] for stage in self.agent.stages])
        self.progress.show(self.step, f"loss {losses:.4f}")

    def _save(self, final: bool = True) -> None:
        if self.saved == self.step:
            return
        try:
            _checkpoint.save(self.run.checkpoints, self.step, self.state, keep=self.experiment.checkpointing.keep)
            self.saved = self.step
        except CheckpointError as error:
            if final:
                raise
            self.progress.say(f"warning: {error} Training goes on; the next interval tries again.")

    def _evaluation_due(self) -> bool:
        every = self.settings.eval_every
        if not every or self.step == 0 or not self.experiment.dataset.tasks:
            return False
        records = _journal.read(self.run.evaluations)
        last = max((r["step"] for r in records if r.get("during_training")), default=0)
        return self.step // every > last // every or (self.step >= self.settings.steps and last < self.step)

    def _evaluate(self) -> None:
        try:
            record, _ = judge_experiment(self.experiment, self.state, self._asked)
        except DataError as error:  # a stop that reached the workers too is a stop, not a fault of theirs
            if self.stop.requested:
                raise Preempted(self._stopped(f"while evaluating update {self.step}")) from error
            raise
        record |= {"run": self.run.path.resolve().name, "step": self.step, "during_training": True}
        _journal.append(self.run.evaluations, [record])

    def _asked(self, done: int, total: int) -> None:
        del done, total
        if self.stop.requested:
            raise Preempted(self._stopped(f"while evaluating update {self.step}"))

    def _stopped(self, where: str) -> str:
        return f"Stopped by {self.stop.requested} {where}; the same command resumes."


def _digests(provenance: dict[str, Any]) -> list[str | None]:
    """What tells one data set from another: the digests of its files, or of what was made in memory."""
    files = [file["sha256"] for file in provenance.get("files", [])]
    return files or [(provenance.get("record") or {}).get("sha256")]


def _flat(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = list(value) if isinstance(value, tuple) else value
    return flat
