"""The use case of `cfgrl density`: what the guidance weight costs at states of a run's data, kept in the run."""

import json
import time
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import numpy as np

from cfgrl._errors import CheckpointError, ConfigError
from cfgrl._stage import AgentState
from cfgrl.acting._compile_cache import keep_compiled
from cfgrl.acting._density import check_has_density
from cfgrl.acting._dial_cost import densities, dial_cost
from cfgrl.config._build import build_experiment
from cfgrl.config._experiment import Experiment
from cfgrl.config._run_config import read_config
from cfgrl.data._residency import place
from cfgrl.evaluation._dial_summary import summarise_costs
from cfgrl.records import _journal
from cfgrl.runs._load import load_state
from cfgrl.runs._progress import Progress
from cfgrl.runs._resume import check_same_data
from cfgrl.runs._run import RunDirectory


def density_run(
    directory: RunDirectory,
    weights: Sequence[float] | None,
    *,
    rows: int,
    samples: int,
    steps: int | None,
    seed: int,
    strict: bool,
) -> dict[str, Any]:
    """Measure the newest checkpoint, append the record to `density.jsonl`; returns the record.

    With `steps` the sampler goes in that many instead of the run's: its map folds less, and is another one.

    Raises `ConfigError` for agents without a density.
    """
    directory.manifest()
    keep_compiled()
    resolved = read_config(directory.config)
    if steps is not None:
        resolved.table["policy"] = {**resolved.table.get("policy", {}), "steps": steps}
    experiment = build_experiment(resolved)
    check_has_density(experiment.agent)
    if weights is not None and not experiment.agent.has_dial:
        raise ConfigError(f"{directory.path} has no guidance weight ({experiment.preset}); leave --weights out.")
    check_same_data(directory, experiment.dataset.provenance())
    _, _, step, state = load_state(directory, strict=strict, warn=Progress("densities", 1).say)
    found = _measure(experiment, state, weights or experiment.evaluation.weights, rows, samples, seed)
    name = experiment.table["dataset"].get("name", experiment.table["dataset"]["use"])
    record = {
        "run": directory.path.resolve().name,
        "preset": experiment.preset,
        "dataset": name,
        "seeds": list(experiment.seeds),
        "step": step,
        **found,
        "steps": steps,
        "time": time.time(),
    }
    try:
        _journal.append(directory.density, [record])
    except CheckpointError:
        print(json.dumps(record, allow_nan=False), flush=True)  # what took minutes is not lost with a full disk
        raise
    return record


def _measure(
    experiment: Experiment, state: AgentState, weights: Sequence[float], rows: int, samples: int, seed: int
) -> dict[str, Any]:
    """All agent seeds in turn, at the same rows with the same noise."""
    training, validation = experiment.dataset.load()
    data = training if validation is None else validation
    asked, rows = rows, min(rows, data.n_transitions)
    index = np.random.default_rng(seed).choice(np.asarray(data.transitions), rows, replace=False)
    data = place(data).data
    dial: Sequence[float | None] = sorted(set(weights)) if experiment.agent.has_dial else [None]
    progress = Progress("densities", len(experiment.seeds) * rows * densities(dial, samples))
    done, measured = [0], {}

    def tell(more: int) -> None:
        done[0] += more
        progress.show(done[0])

    for position, agent_seed in enumerate(experiment.seeds):
        one = jax.tree.map(lambda leaf, at=position: leaf[at] if eqx.is_array(leaf) else leaf, state)
        key = jax.random.key(seed)
        measured[agent_seed] = dial_cost(
            experiment.agent, one, data, index, dial, key=key, samples=samples, progress=tell
        )
    of = "training" if validation is None else "validation"
    about = {"rows": rows, "rows_asked": asked, "samples": samples, "seed": seed, "of": of}
    return {**about, "results": summarise_costs(measured, key=seed)}
