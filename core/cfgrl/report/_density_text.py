"""What `cfgrl density` found, as a table for the terminal."""

from collections.abc import Sequence
from typing import Any

from cfgrl.report._format import agents, between, count, number, weight
from cfgrl.report._sweep._density import FEW
from cfgrl.report._tables import Table
from cfgrl.report._text import align, wrap

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


def format_density(record: dict[str, Any]) -> str:
    """The table for a terminal and what has to be known beside it; without a final newline."""
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
