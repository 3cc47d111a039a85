"""A sweep as tables in Markdown, for a page of the documentation."""

import re
import shlex

from cfgrl.report._sweep._findings import missing
from cfgrl.report._sweep._read import Results
from cfgrl.report._sweep._tables import (
    chosen_table,
    core_minutes,
    costs_table,
    density_tables,
    dial_tables,
    dials_table,
    differences_table,
    provenance,
)
from cfgrl.report._tables import Table


def markdown_sweep(results: Results) -> str:
    """As chosen, over the dial, differences from the reference, densities, costs, and where it comes from.

    **Arguments:**

    - `results`: as `write_sweep_report` returns them.
    """
    measure = results["measure"]
    blocks = [*map(_escaped, missing(results))]
    blocks += [f"**Mean {measure} as chosen, 95 % intervals**", _table(chosen_table(results, settings=True))]
    for arm, table in dial_tables(results):
        blocks += [f"**Mean {measure} over the dial of {_escaped(arm)}, all episodes**", _table(table)]
    if (dials := dials_table(results)).rows:
        blocks += ["**What each dial is worth and costs, all data sets**", _table(dials)]
    if results["comparisons"]:
        blocks += [f"**Paired differences from {_escaped(results['reference'])}**", _table(differences_table(results))]
    for name, table in density_tables(results):
        blocks += [f"**Densities of {_escaped(name)}**", _table(table)]
    blocks += ["**Costs**", _table(costs_table(results)), f"{core_minutes(results):,.1f} core-minutes in total."]
    return "\n\n".join([*blocks, _line(results)])


def _line(results: Results) -> str:
    """Where it comes from, in one line."""
    left = ("computed", "gathered")
    parts = [f"{name}: {_escaped(value)}" for name, value in provenance(results) if name not in left]
    return f"{'; '.join(parts)}; command: {_code(shlex.join(results['command']))}"


def _table(table: Table) -> str:
    rule = [":--" if column < table.labels else "--:" for column in range(len(table.header))]
    rows = [[_escaped(cell) for cell in row] for row in (table.header, *table.rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (rows[0], rule, *rows[1:]))


def _escaped(text: str) -> str:
    """Text in one line with the characters escaped that Markdown would interpret."""
    text = re.sub(r"([\\`*{}>|#]|\](?=[(\[:]))", r"\\\1", " ".join(text.split()))
    return re.sub(r"(?<!\w)_|_(?!\w)", r"\_", text).replace("<", "&lt;")


def _code(text: str) -> str:
    """Code in one line, in more backticks than it has itself."""
    longest = max((len(found) for found in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if longest else ""
    return f"{fence}{pad}{' '.join(text.split())}{pad}{fence}"
