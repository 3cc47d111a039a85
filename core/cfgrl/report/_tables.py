"""The tables of a report as plain rows, for the page and the terminal alike."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from cfgrl.records._run import RunRecord
from cfgrl.report._format import agents, between, mean_ci, number, signed, signed_between, weight


class Table(NamedTuple):
    """Rows of text under a header; the first `labels` columns are text, all others numbers."""

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
    rows = []
    for task in results[0]["tasks"]:
        bounds = [result.get("tasks_ci", {}).get(task) for result in results]
        ends = [f" {between(pair, measure)}" if pair else "" for pair in bounds]
        means = [number(result["tasks"].get(task), measure) for result in results]
        rows.append([task, *(mean + end for mean, end in zip(means, ends, strict=True))])
    if len(rows) > 1:
        rows.append(["all", *(mean_ci(result, measure, measure) for result in results)])
    return Table(["task", *_by_weight(results, measure)], rows)


def seeds_table(record: dict[str, Any]) -> Table:
    """One row an agent seed, one column a weight."""
    measure, results = record.get("measure", "success"), record["results"]
    rows = [[seed, *(number(r["by_seed"].get(seed), measure) for r in results)] for seed in results[0]["by_seed"]]
    return Table(["agent seed", *_by_weight(results, measure)], rows)


def _by_weight(results: Sequence[dict[str, Any]], measure: str) -> list[str]:
    """The heads of columns by weight; the measure where there is no dial."""
    return [measure if result["weight"] is None else f"w = {weight(result['weight'])}" for result in results]


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
        step = f"{record['step']:,}" if isinstance(record.get("step"), int) else "–"
        row += [str(agents(record)), step, _with_interval(plain, measure), weight(chosen.get("weight"))]
        rows.append([*row, _with_interval(chosen if chosen.get("weight") is not None else None, measure)])
    return Table(header, rows, labels=3)


def _with_interval(entry: dict[str, Any] | None, measure: str) -> str:
    return "–" if not entry or entry.get(measure) is None else mean_ci(entry, measure, measure)
