"""An evaluation as a table for the terminal."""

import textwrap
from collections.abc import Sequence
from typing import Any

from cfgrl.report._findings import findings
from cfgrl.report._format import agents, between, count, number, weight
from cfgrl.report._tables import Table, comparisons_table

WIDTH = 100
MAX_TASKS = 6


def format_results(record: dict[str, Any]) -> str:
    """The table, the paired differences, the findings and the notes; without a final newline.

    **Arguments:**

    - `record`: an evaluation as `summarise` gives it; `run`, `preset`, `dataset` and `step` are named where present.
    """
    blocks = [_title(record), align(_results(record))]
    differences = comparisons_table(record)
    if differences.rows:
        blocks.append(align(differences))
    blocks.append("\n".join(wrap(sentence) for sentence in findings(record)))
    if record.get("notes"):
        blocks.append("Notes\n" + "\n".join(wrap(note) for note in record["notes"]))
    return "\n\n".join(block for block in blocks if block)


def _title(record: dict[str, Any]) -> str:
    parts = [str(record[name]) for name in ("run", "preset", "dataset") if record.get(name)]
    if isinstance(record.get("step"), int):
        parts.append(f"update {record['step']:,}")
    parts.append(count(agents(record), "agent"))
    parts.append(f"{count(record['results'][0]['episodes'], 'episode')} for each w")
    return " · ".join(dict.fromkeys(parts))


def _results(record: dict[str, Any]) -> Table:
    """Weight, mean and interval, then the tasks, as far as a terminal's width allows."""
    measure, results = record.get("measure", "success"), record["results"]
    tasks = list(results[0]["tasks"])
    tasks = tasks if 1 < len(tasks) <= MAX_TASKS and max(map(len, tasks)) <= 10 else []
    failed = any(result["n_failed"] for result in results)
    header = ["w", measure, "95 % interval", *(["failed"] if failed else []), *tasks]
    rows = [
        [
            weight(result["weight"]),
            number(result[measure], measure),
            between(result[f"{measure}_ci"], measure),
            *([str(result["n_failed"])] if failed else []),
            *(number(result["tasks"].get(task), measure) for task in tasks),
        ]
        for result in results
    ]
    return Table(header, rows, labels=0)


def align(table: Table) -> str:
    """Columns of equal width: text to the left, numbers to the right, a rule under the header."""
    lines: Sequence[list[str]] = [table.header, *table.rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(table.header))]
    formatted = [
        "  ".join(
            cell.ljust(width) if column < table.labels else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    rule = "─" * (sum(widths) + 2 * (len(widths) - 1))
    return "\n".join([formatted[0], rule, *formatted[1:]])


def wrap(sentence: str) -> str:
    return textwrap.fill(sentence, WIDTH, initial_indent="- ", subsequent_indent="  ", break_long_words=False)
