"""A critic trained once: the labelers of a finished run, put into a run that begins.

What the critic learned has to be what this run would have taught it: the same labelers, view and data. All else, the
policy, its guidance, the batch and the number of updates, is free.
"""

import dataclasses
import json
import pathlib
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from cfgrl._errors import ConfigError, DataError
from cfgrl._stage import AgentState
from cfgrl.config._experiment import Experiment
from cfgrl.config._settings import Training
from cfgrl.runs import _digests, _machine
from cfgrl.runs._load import load_state
from cfgrl.runs._resume import MOVABLE, data_digests, flat, recorded_keys
from cfgrl.runs._run import RunDirectory

#: Whose keys have to be the same, how a refusal speaks of them, and what helps.
_COMPARED = {
    "labeler": ("labelers", "Give this run the same keys, or train a critic with these"),
    "view": ("view", "A critic knows the data as its run saw them: give this run the same keys"),
    "dataset": ("data set", "Name the same data, or train a critic on these"),
}


def take_labelers(
    experiment: Experiment, state: AgentState, provenance: dict[str, Any]
) -> tuple[AgentState, dict[str, Any]]:
    """`state` with the labelers of the run that `train.labeler_from` names, each agent seed with those of its own.

    **Arguments:**

    - `experiment`: of the run that begins.
    - `state`: its fresh state.
    - `provenance`: of its data.

    **Returns:** the state, and for the manifest the source's path as given, its update and the seal of its checkpoint.

    **Raises:** `ConfigError` or `DataError` where that run is not finished or its labelers do not belong to this one,
    `CheckpointError` where its newest checkpoint is broken.
    """
    given = str(experiment.training.labeler_from)
    source = RunDirectory(pathlib.Path(given).expanduser())
    if not source.exists:
        raise _refusal(f"{given} is no run directory. Name the folder of a run that `cfgrl train` has finished")
    _, seeds, step, theirs = load_state(source, strict=True)
    keys = recorded_keys(source)
    _check_finished(given, step, keys.get("train.steps", Training.steps))
    _check_stages(given, state, theirs)
    _check_keys(given, keys, flat(experiment.table), data_digests(provenance))
    _check_data(given, source, provenance)
    positions = _positions(given, seeds, experiment.seeds)
    stages = tuple(
        dataclasses.replace(mine, labeler=_put(given, mine.labeler, other.labeler, positions))
        for mine, other in zip(state.stages, theirs.stages, strict=True)
    )
    record = {"run": given, "step": step, "seal": _seal(source.checkpoints / str(step))}
    return dataclasses.replace(state, stages=stages), record


def check_same_taken(run: RunDirectory, record: dict[str, Any]) -> None:
    """Raise `ConfigError` where a run that was begun, but never saved, took other labelers than `record` speaks of."""
    before = run.manifest().get("labeler_from")
    if not isinstance(before, dict) or before.get("seal") != record["seal"]:
        raise _refusal(
            f"the labelers of {record['run']} are not those that {run.path} was begun with, which saved none yet. "
            "Choose another --run-dir"
        )


def _check_finished(given: str, step: int, steps: int) -> None:
    if step < steps:
        raise _refusal(
            f"{given} is not finished: its newest checkpoint is at update {step} of {steps}. Repeat its own "
            "`cfgrl train` command until it is"
        )


def _check_stages(given: str, state: AgentState, theirs: AgentState) -> None:
    counts = len(theirs.stages), len(state.stages)
    if counts[0] != counts[1]:
        raise _refusal(
            f"the agent of {given} has {counts[0]} stage{'s' * (counts[0] > 1)}, this one {counts[1]}. Take a run "
            "whose agent has as many"
        )
    if not jax.tree.leaves(eqx.filter([stage.labeler for stage in theirs.stages], eqx.is_array)):
        raise _refusal(
            f"there is nothing to take from {given}, whose labelers learn nothing. Leave train.labeler_from out"
        )


def _check_keys(given: str, theirs: dict[str, Any], mine: dict[str, Any], digests: list[str | None]) -> None:
    """The tables that decide what a critic learns. Digests alone do not: one file may hold the rewards of many tasks,
    and its arrays may be read in many ways.
    """
    for table, (what, remedy) in _COMPARED.items():
        differing = _machine.differences(*(_of(table, keys, movable=any(digests)) for keys in (theirs, mine)))
        if differing:
            raise _refusal(f"the {what} of {given} had other keys: {'; '.join(differing)}. {remedy}")


def _of(table: str, keys: dict[str, Any], *, movable: bool) -> dict[str, Any]:
    """The keys of one table, in whichever stage it stands."""
    left_out = MOVABLE if movable else ()
    return {key: value for key, value in keys.items() if _table(key) == table and key not in left_out}


def _table(key: str) -> str:
    parts = key.split(".")
    return parts[2] if parts[0] == "stage" and len(parts) > 2 else parts[0]


def _check_data(given: str, source: RunDirectory, provenance: dict[str, Any]) -> None:
    if data_digests(source.manifest()["dataset"]) != data_digests(provenance):
        raise DataError(
            f"train.labeler_from: the data set {provenance.get('name')} is not the one that the labelers of {given} "
            "learned from (SHA-256 differs, see its manifest.json). Use the same data, or train a critic on these."
        )


def _positions(given: str, theirs: tuple[int, ...], mine: tuple[int, ...]) -> list[int]:
    missing = [str(seed) for seed in mine if seed not in theirs]
    if missing:
        raise _refusal(
            f"{given} has no agent seed {', '.join(missing)}; it has {', '.join(map(str, theirs))}. Choose seeds among "
            "them, or train a critic for each"
        )
    return [theirs.index(seed) for seed in mine]


def _put(given: str, mine: Any, theirs: Any, positions: list[int]) -> Any:
    """A labeler's state with the arrays of another at `positions` of their axis over agent seeds."""
    rows = jnp.asarray(positions, jnp.int32)
    wanted, static = eqx.partition(mine, eqx.is_array)
    taken = jax.tree.map(lambda leaf: leaf[rows], eqx.filter(theirs, eqx.is_array))
    if differing := _machine.differences(_forms(taken), _forms(wanted)):
        raise _refusal(
            f"arrays of the labelers of {given} have another form ({differing[0]}), though their keys are the same: "
            "another version of a plugin made them. Train a critic with this one"
        )
    return eqx.combine(jax.tree.unflatten(jax.tree.structure(wanted), jax.tree.leaves(taken)), static)


def _forms(arrays: Any) -> dict[str, str]:
    """Type and shape of each array by its name."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(arrays)
    return {jax.tree_util.keystr(path): f"{leaf.dtype}{leaf.shape}" for path, leaf in leaves}


def _seal(checkpoint: pathlib.Path) -> str:
    """The digest of all that is recorded of a checkpoint, which was just read and found whole."""
    return json.loads((checkpoint / _digests.NAME).read_text())["seal"]


def _refusal(sentence: str) -> ConfigError:
    return ConfigError(f"train.labeler_from: {sentence}.")
