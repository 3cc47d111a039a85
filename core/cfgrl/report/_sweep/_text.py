"""A sweep as text for the terminal."""

from collections.abc import Iterator

from cfgrl.report._format import count
from cfgrl.report._sweep._findings import missing, scope
from cfgrl.report._sweep._read import Results, arms, labels, shortened
from cfgrl.report._sweep._tables import chosen_table, differences_table
from cfgrl.report._tables import Table
from cfgrl.report._text import WIDTH, align, wrap


def format_sweep(results: Results) -> str:
    """Means as chosen, differences from the reference, and what is missing; without a final newline.

    **Arguments:**

    - `results`: as `write_sweep_report` returns them.
    """
    blocks = [_title(results), *_fitting(chosen_table(results, settings=False))]
    if results["comparisons"]:
        blocks += _fitting(differences_table(results))
    notes = [*scope(results), *missing(results)]
    return "\n\n".join([*blocks, "\n".join(wrap(note) for note in notes)]).rstrip()


def _title(results: Results) -> str:
    names = labels(results)
    parts = [results["sweep"], count(len(arms(results)), "arm")]
    parts.append(names[0] if len(names) == 1 else count(len(names), "data set"))
    parts += [count(len(results["seeds"]), "agent seed"), f"mean {results['measure']} [95 % interval] as chosen"]
    short = shortened(names)
    named = "" if list(short.values()) == list(short) else f"\nData sets: {', '.join(names)}"
    return " · ".join(parts) + named


def _fitting(table: Table) -> Iterator[str]:
    """The table, cut into several where a terminal is too narrow; its first columns come again in each."""
    heads, shown = list(range(table.labels)), list[int]()
    for column in range(table.labels, len(table.header)):
        wider = align(_columns(table, [*heads, *shown, column]))
        if shown and max(map(len, wider.splitlines())) > WIDTH:
            yield align(_columns(table, heads + shown))
            shown = []
        shown.append(column)
    yield align(_columns(table, heads + shown))


def _columns(table: Table, columns: list[int]) -> Table:
    return Table([table.header[n] for n in columns], [[row[n] for n in columns] for row in table.rows], table.labels)
