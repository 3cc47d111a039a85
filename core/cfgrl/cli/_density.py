"""`cfgrl density RUN`: what the guidance weight costs in probability, at states of the run's data set."""

import argparse
import json
import pathlib
import time
from collections.abc import Sequence
from typing import Any

from cfgrl._errors import CheckpointError, ConfigError

#: The columns of the table: quantity, and what it is called there.
_SHOWN = {
    "entropy": "entropy",
    "nll_data": "data nll",
    "clipped": "clipped",
    "spread": "spread",
    "tilt": "tilt",
    "tilt_promised": "promised",
    "effective": "effective",
}


def add(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "density",
        help="what the guidance weight costs in probability",
        description="At states of the data set, draw actions at every guidance weight and compute their exact "
        "densities: entropy, divergence from the unguided policy, likelihood of the data's own actions. The result is "
        "appended to the run's density.jsonl.",
    )
    parser.add_argument("run_dir", metavar="RUN", type=pathlib.Path, help="a run directory")
    parser.add_argument("--weights", metavar="0,1,1.5", help="guidance weights; the preset's where not given")
    parser.add_argument("--rows", metavar="N", type=int, default=32, help="rows of the data; 32 where not given")
    parser.add_argument("--samples", metavar="K", type=int, default=8, help="actions a row and weight; 8 by default")
    parser.add_argument("--steps", metavar="N", type=int, help="of the sampler, instead of the run's policy.steps")
    parser.add_argument("--seed", metavar="S", type=int, default=0, help="decides rows, goals and draws")
    parser.add_argument("--strict", action="store_true", help="refuse a broken checkpoint instead of falling back")
    parser.add_argument("--json", action="store_true", help="print the record as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure; returns the exit code."""
    from cfgrl.cli._eval import parse_weights

    weights = None if args.weights is None else parse_weights(args.weights)
    for flag, value, least in (
        ("--rows", args.rows, 1),
        ("--samples", args.samples, 2),
        ("--seed", args.seed, 0),
        ("--steps", args.steps, 1),
    ):
        if value is not None and value < least:
            raise ConfigError(f"{flag} must be at least {least}, not {value}.")

    from cfgrl.runs._run import RunDirectory

    directory = RunDirectory(args.run_dir)
    sizes = {"rows": args.rows, "samples": args.samples, "steps": args.steps, "seed": args.seed}
    record = density_run(directory, weights, strict=args.strict, **sizes)
    print(json.dumps(record, allow_nan=False) if args.json else format_density(record), flush=True)
    return 0


def density_run(
    directory: Any,
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
    from cfgrl.acting._compile_cache import keep_programs
    from cfgrl.acting._density import check_has_density
    from cfgrl.config._build import build_experiment
    from cfgrl.config._run_config import read_config
    from cfgrl.records import _journal
    from cfgrl.runs._load import load_state
    from cfgrl.runs._progress import Progress
    from cfgrl.runs._resume import check_same_data

    directory.manifest()
    keep_programs()
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
    experiment: Any, state: Any, weights: Sequence[float], rows: int, samples: int, seed: int
) -> dict[str, Any]:
    """All agent seeds in turn, at the same rows with the same noise."""
    import equinox as eqx
    import jax
    import numpy as np

    from cfgrl.acting._dial_cost import densities, dial_cost
    from cfgrl.data._residency import place
    from cfgrl.evaluation._dial_summary import summarise_costs
    from cfgrl.runs._progress import Progress

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


def format_density(record: dict[str, Any]) -> str:
    """The table for a terminal and what has to be known beside it; without a final newline."""
    from cfgrl.report._format import agents, between, count, number, weight
    from cfgrl.report._tables import Table
    from cfgrl.report._text import align, wrap

    results = record["results"]
    title = [str(record[name]) for name in ("run", "preset", "dataset")]
    title += [f"update {record['step']:,}", count(agents(record), "agent")]
    title.append(f"{count(record['rows'], 'row')} of {record['of']} data, {record['samples']} draws each")
    shown = {name: word for name, word in _SHOWN.items() if name in results[0]}
    kl = ["kl", "95 % interval"] if "kl" in results[0] else []
    table = [
        [
            weight(result["weight"]),
            *([number(result["kl"]), between(result["kl_ci"])] if kl else []),
            *(number(result[name]) for name in shown),
        ]
        for result in results
    ]
    blocks = [" · ".join(dict.fromkeys(title)), align(Table(["w", *kl, *shown.values()], table, labels=0))]
    notes = [wrap(note) for note in _notes(results)]
    return "\n\n".join([*blocks, *(["\n".join(notes)] if notes else [])])


def _notes(results: Sequence[dict[str, Any]]) -> list[str]:
    """What must not be overlooked."""
    from cfgrl.report._sweep._density import FEW

    notes = []
    for result in results:
        if result["left_out"]:
            at = "" if result["weight"] is None else f"w = {result['weight']:g}: "
            rows = ", ".join(f"{name} {count:,}" for name, count in result["left_out"].items())
            notes.append(
                f"{at}{result['n_folded']:,} actions have no density (the map from noise to actions folds or cannot be "
                f"inverted there). Rows left out, all agents together: {rows}."
            )
    few = [f"{r['weight']:g}" for r in results if r.get("effective") is not None and r["effective"] < FEW]
    if few:
        notes.append(
            f"The promised tilt rests on less than {FEW:.0%} of the draws of w = 0 at w = {', '.join(few)}: too "
            "few to trust it. More --samples help."
        )
    return notes
