"""The tables of a report as plain rows, for the page and the terminal alike."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from cfgrl.records._run import RunRecord
from cfgrl.report._format import agents, between, number, signed, signed_between, weight


class Table(NamedTuple):
    """Rows of text under a header; the first `labels` columns are words, all others numbers."""

    header: list[str]
    rows: list[list[str]]
    labels: int = 1


def results_table(record: dict[str, Any]) -> Table:
    """One row a guidance weight: success and return with their intervals, episodes, failures."""
    has_success = record.get("measure", "success") == "success"
    success = ["success", "95 % interval"] if has_success else []
    header = ["w", *success, "return", "95 % interval", "IQM", "episodes", "failed"]
    rows = []
    for result in record["results"]:
        row = [weight(result["weight"])]
        if has_success:
            row += [number(result["success"]), between(result["success_ci"])]
        row += [number(result.get("return"), "return"), between(result.get("return_ci"), "return")]
        row += [number(result.get("iqm"), record.get("measure", "success"))]
        rows.append([*row, str(result["episodes"]), str(result["n_failed"])])
    return Table(header, rows)


def tasks_table(record: dict[str, Any]) -> Table:
    """One row a task, one column a weight, with the mean over all tasks below where there are several."""
    measure, results = record.get("measure", "success"), record["results"]
    header = [
        "task",
        *(f"w = {weight(result['weight'])}" if result["weight"] is not None else measure for result in results),
    ]
    rows = []
    for task in results[0]["tasks"]:
        cells = []
        for result in results:
            bounds = result.get("tasks_ci", {}).get(task)
            cells.append(
                number(result["tasks"].get(task), measure) + (f" {between(bounds, measure)}" if bounds else "")
            )
        rows.append([task, *cells])
    if len(rows) > 1:
        rows.append(
            ["all", *(f"{number(r[measure], measure)} {between(r[f'{measure}_ci'], measure)}" for r in results)]
        )
    return Table(header, rows)


def seeds_table(record: dict[str, Any]) -> Table:
    """One row an agent seed, one column a weight."""
    measure, results = record.get("measure", "success"), record["results"]
    header = ["agent seed", *(f"w = {weight(r['weight'])}" if r["weight"] is not None else measure for r in results)]
    rows = [[seed, *(number(r["by_seed"].get(seed), measure) for r in results)] for seed in results[0]["by_seed"]]
    return Table(header, rows)


def comparisons_table(record: dict[str, Any]) -> Table:
    """One row a paired difference."""
    measure = record.get("measure", "success")
    rows = [
        [
            f"w = {weight(row['weight'])} against w = {weight(row['against'])}",
            signed(row["difference"], measure),
            signed_between(row["ci"], measure),
        ]
        for row in record.get("comparisons", [])
    ]
    return Table(["paired difference", measure, "95 % interval"], rows)


def overview_table(runs: Sequence[RunRecord]) -> Table:
    """Several runs side by side: each at w = 1 (or without a dial) and at its chosen weight."""
    header = ["run", "preset", "data set", "agents", "update", "w = 1, or no dial", "chosen w", "at chosen w"]
    rows = []
    for run in runs:
        row, record = [run.label, run.preset, run.dataset], run.evaluation
        if record is None:
            rows.append([*row, *["–"] * 5])
            continue
        measure, chosen = run.measure, record.get("chosen") or {}
        plain = next((r for r in record["results"] if r["weight"] in (1.0, None)), None)
        row += [str(agents(record)), _step(record)]
        row += [_with_interval(plain, measure), weight(chosen.get("weight"))]
        row.append(_with_interval(chosen if chosen.get("weight") is not None else None, measure))
        rows.append(row)
    return Table(header, rows, labels=3)


def _step(record: dict[str, Any]) -> str:
    return f"{record['step']:,}" if isinstance(record.get("step"), int) else "–"


def _with_interval(entry: dict[str, Any] | None, measure: str) -> str:
    if not entry or entry.get(measure) is None:
        return "–"
    return f"{number(entry[measure], measure)} {between(entry.get(f'{measure}_ci'), measure)}"
