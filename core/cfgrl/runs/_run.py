"""`RunDirectory`: everything about one training run in one folder, and the rules by which it is opened again.

config.toml    the resolved configuration, with the plugins that provided it
manifest.json  versions, machine, data set and its digests, shapes
metrics.jsonl  one line a log point and agent seed;  eval.jsonl  one line an evaluation, episodes.jsonl  its episodes
checkpoints/   one folder a step;  rollouts.json, report.html, figures/  derived
"""

import datetime
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from cfgrl._errors import CheckpointError, ConfigError
from cfgrl.files._atomic import flush
from cfgrl.files._lock import hold
from cfgrl.records import _journal
from cfgrl.records._layout import RunFiles, require_plain
from cfgrl.records._manifest import SCHEMA, read_manifest
from cfgrl.runs import _checkpoint, _machine


class RunDirectory(RunFiles):
    """A run's folder. Making one touches nothing; `lock` creates the folder."""

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder for writing. Raises `LockedError` naming the holder, `ConfigError` for a foreign folder."""
        self._check_ownership()
        if not self.path.is_dir():
            self.path.mkdir(parents=True)
            flush(self.path.parent)
        require_plain(self.path)
        with hold(self.path, "choose another --run-dir"):
            self._sweep()
            yield

    def _sweep(self) -> None:
        """Remove files that a killed process was about to put in the place of others."""
        for file in self.path.glob(".*.[0-9]*"):
            if file.name[1:].rpartition(".")[0] in _OWN | _LINES:
                file.unlink(missing_ok=True)

    def _check_ownership(self) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise ConfigError(f"{self.path} is a file, not a run directory; choose another --run-dir.")
        if self.path.is_dir() and not self.exists:
            foreign = [p.name for p in self.path.iterdir() if not p.name.startswith(".") and p.name not in _OWN]
            if foreign:
                raise ConfigError(
                    f"{self.path} is not a run directory and not empty ({', '.join(sorted(foreign)[:3])}); "
                    "choose another --run-dir."
                )

    def manifest(self) -> dict[str, Any]:
        """The manifest. Raises `CheckpointError` if it is missing, broken or of a newer schema."""
        if not self.path.is_dir():
            raise ConfigError(f"There is no run directory {self.path}; `cfgrl train PRESET --run-dir DIR` makes one.")
        if not self.exists:
            raise ConfigError(f"{self.path} is not a run directory: it has no config.toml and manifest.json.")
        require_plain(self.path)
        return read_manifest(self.manifest_file)

    def create_manifest(
        self,
        preset: str,
        provenance: dict[str, Any],
        shapes: dict[str, Any],
        tasks: Sequence[str],
        extra: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Write the manifest of a new run, with what only some runs have in `extra`, and return it."""
        manifest = {
            "schema": SCHEMA,
            "preset": preset,
            "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "command": ["cfgrl", *sys.argv[1:]],
            "dataset": provenance,
            "shapes": shapes,
            "tasks": list(tasks),
            "versions": _machine.versions(),
            "platform": _machine.machine(),
            "git": _machine.git_commit(),
            **(extra or {}),
        }
        _journal.write_json(self.manifest_file, manifest)
        return manifest

    def record_resume(self, step: int, differences: Sequence[str]) -> None:
        """Note in the manifest that the run went on from `step` where something is not as it was at its beginning."""
        manifest = self.manifest()
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        resumed = [*manifest.get("resumed", []), {"time": now, "step": step, "differences": list(differences)}]
        _journal.write_json(self.manifest_file, manifest | {"resumed": resumed})

    def record_error(self, error: BaseException, exit_code: int, step: int | None) -> None:
        """Write `error.json`, which says why the run stopped; it is removed when the run goes on."""
        if self.path.is_dir():
            _journal.write_json(self.error, {"exit_code": exit_code, "message": str(error), "step": step})

    def restore(self, template: Any, *, strict: bool = False, warn: Any = None) -> tuple[int, Any] | None:
        """The newest good checkpoint as `(step, state)`, `None` if there is none.

        A broken checkpoint is named through `warn` and the one before it is used; `strict` raises instead.
        """
        problems, tried = [], set()
        while left := [step for step in _checkpoint.steps(self.checkpoints) if step not in tried]:
            tried.add(left[-1])
            try:
                return left[-1], _checkpoint.restore(self.checkpoints, left[-1], template)
            except CheckpointError as error:
                if left[-1] not in _checkpoint.steps(self.checkpoints):
                    tried.clear()  # a trainer went on meanwhile and removed it: look again from the newest
                    continue
                if strict:
                    raise
                problems.append(str(error))
                if warn is not None:
                    warn(f"{error} Falling back to the checkpoint before it.")
        if problems:
            raise CheckpointError(f"No checkpoint in {self.checkpoints} is whole: {problems[0]}")
        return None

    def rewind(self, step: int) -> None:
        """Drop metrics, and evaluations made during training, that lie beyond `step`."""
        _journal.keep(self.metrics, lambda record: record["step"] <= step)
        _journal.keep(self.evaluations, lambda r: r["step"] <= step or not r.get("during_training", False))


_LINES = {"metrics.jsonl", "eval.jsonl", "episodes.jsonl", "density.jsonl"}
#: What may lie in a directory in which a run is begun.
_OWN = {"config.toml", "manifest.json", "error.json", "tensorboard", "wandb"}
