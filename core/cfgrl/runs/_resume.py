"""What has to be the same when a run goes on, and what may differ but is told."""

import contextlib
from typing import Any

from cfgrl._errors import CfgrlError, CheckpointError, ConfigError, DataError
from cfgrl.config._build import check as complete
from cfgrl.config._experiment import Experiment
from cfgrl.config._run_config import read_config
from cfgrl.runs import _machine
from cfgrl.runs._run import RunDirectory

#: Keys that decide no bit of the result: a run may go on with others, on a machine with less memory for instance.
_FREE = ("train.residency", "train.data_memory", "eval.timeout")
#: Keys that say where data lie: free where the data themselves are compared by their digests.
MOVABLE = ("dataset.dir",)
#: Of this key it matters only whether it is set: the labelers that a run has taken are in its own checkpoints.
_TAKEN = "train.labeler_from"


def check_same_configuration(experiment: Experiment, run: RunDirectory) -> None:
    """Raise `ConfigError` naming the keys in which the run's configuration differs."""
    recorded, given = recorded_keys(run), flat(experiment.table)
    free = {*_FREE, *(MOVABLE if any(data_digests(run.manifest()["dataset"])) else ())}
    if all(keys.get(_TAKEN, "none") != "none" for keys in (recorded, given)):
        free.add(_TAKEN)
    differing = _machine.differences(*({k: v for k, v in keys.items() if k not in free} for keys in (recorded, given)))
    if differing:
        raise ConfigError(
            f"{run.path} holds a run of another configuration, nothing was changed. Differing keys: "
            + "; ".join(differing)
            + ". Choose another --run-dir, or give the same keys to resume it."
        )


def recorded_keys(run: RunDirectory) -> dict[str, Any]:
    """The values of a run's configuration by dotted key."""
    resolved = read_config(run.config)
    recorded = flat(resolved.table)
    with contextlib.suppress(CfgrlError):  # of a run whose components are gone, the keys still can be compared
        recorded = flat(complete(resolved)) | recorded  # a key that is younger than the run has its default there
    return recorded


def check_same_data(run: RunDirectory, provenance: dict[str, Any]) -> None:
    """Raise `DataError` where the data are not those that the run was begun with."""
    try:
        recorded = data_digests(run.manifest()["dataset"])
    except (KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{run.manifest_file} does not say what data the run was begun with ({error})."
        ) from error
    if recorded != data_digests(provenance):
        remedy = "Point it at the original files" if provenance.get("files") else "Use its versions"
        raise DataError(
            f"The data set {provenance.get('name')} is not the one that {run.path} was begun with (SHA-256 "
            f"differs, see its manifest.json). {remedy}, or choose another --run-dir."
        )


def differences(manifest: dict[str, Any]) -> list[str]:
    """In what this process differs from the one that began the run, of what decides the last bits of a result."""
    found = []
    for what, now in (("versions", _machine.versions()), ("platform", _machine.machine())):
        recorded = manifest.get(what)
        found += _machine.differences(recorded if isinstance(recorded, dict) else {}, now)
    return found


def data_digests(provenance: dict[str, Any]) -> list[str | None]:
    """What tells one data set from another: the digests of its files, or of what was made in memory."""
    files = [file["sha256"] for file in provenance.get("files", [])]
    return files or [(provenance.get("record") or {}).get("sha256")]


def flat(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """The values of nested tables by dotted key."""
    found: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = list(value) if isinstance(value, tuple) else value
    return found
