"""Figures of a benchmark: printed as tables, and with `--save` kept in `benchmarks/results` for the page of speeds.

def measure(results: Results, words: argparse.Namespace) -> None:
    results.add("cases", "small", "updates", 480.0, "/s", target=("at least", 400.0))

main("training", __doc__, measure)
"""

import argparse
import json
import pathlib
import sys
from collections.abc import Callable, Sequence
from typing import Any

import _machine

FOLDER = pathlib.Path(__file__).parent / "results"
Target = tuple[str, float]


class Results:
    """What one benchmark found.

    **Arguments:**

    - `name`: of the benchmark; names its file of results.
    """

    def __init__(self, name: str):
        self.name, self.records, self._load = name, [], _machine.load()

    def add(
        self, table: str, row: str, name: str, value: float, unit: str = "", *, target: Target | None = None
    ) -> None:
        """One figure: the cell of `table` at `row` and column `name`. A target is `("at least", 0.9)` or `at most`."""
        record: dict[str, Any] = {"table": table, "row": row, "name": name, "value": float(f"{value:.6g}")}
        self.records.append(record | {"unit": unit} | ({"target": list(target)} if target else {}))

    def record(self) -> dict[str, Any]:
        """All of it with the machine, as it is saved."""
        load = {"before": self._load, "after": _machine.load()}
        words = " ".join(word for word in sys.argv[1:] if word != "--save")
        command = f"python benchmarks/{self.name}.py {words}".strip()
        return {"command": command, **_machine.describe(), "load": load, "records": self.records}

    def save(self) -> pathlib.Path:
        """Write the file; that of another back end than the processor has its name."""
        backend = _machine.backend()
        path = FOLDER / f"{self.name}{'' if backend == 'cpu' else '-' + backend}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(self.record(), indent=1, ensure_ascii=False) + "\n")
        return path


def main(
    name: str,
    description: str | None,
    measure: Callable[[Results, argparse.Namespace], None],
    options: Callable[[argparse.ArgumentParser], None] | None = None,
) -> None:
    """A benchmark as a program: measure, print, and save where asked."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it works; says nothing of speed")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results, from which page.py makes tables")
    if options is not None:
        options(parser)
    words = parser.parse_args()
    if words.quick and words.save:
        parser.error("figures of a quick run are not kept")
    results = Results(name)
    measure(results, words)
    print(tables(results.record()))
    if words.save:
        print(f"written: {results.save()}")


def tables(record: dict[str, Any]) -> str:
    """All tables of a record in Markdown, the targets after them, and what they were taken on."""
    records = record["records"]
    names = dict.fromkeys(r["table"] for r in records)
    parts = [_table(name, [r for r in records if r["table"] == name]) for name in names]
    targets = [r for r in records if "target" in r]
    if targets:
        parts.append(_targets(targets))
    return "\n\n".join([*parts, _origin(record)])


def _table(name: str, records: Sequence[dict[str, Any]]) -> str:
    columns = list(dict.fromkeys((r["name"], r["unit"]) for r in records))
    cells = {(r["row"], r["name"]): shown(r["value"]) for r in records}
    rows = [
        [row, *(cells.get((row, column), "–") for column, _ in columns)] for row in dict.fromkeys(r for r, _ in cells)
    ]
    return _markdown([name, *(f"{column} ({unit})" if unit else column for column, unit in columns)], rows)


def _targets(records: Sequence[dict[str, Any]]) -> str:
    rows = []
    for r in records:
        bound, limit = r["target"]
        met = r["value"] >= limit if bound == "at least" else r["value"] <= limit
        wanted, found = (f"{shown(number)} {r['unit']}".strip() for number in (limit, r["value"]))
        rows.append([f"{r['table']}, {r['row']}: {r['name']}", f"{bound} {wanted}", found, "yes" if met else "no"])
    return _markdown(["target", "wanted", "measured", "met"], rows)


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _origin(record: dict[str, Any]) -> str:
    machine, load = record["machine"], record["load"]
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    return (
        f"`{record['command']}` on {record['date']}: {machine['processor']}, "
        f"{machine['cores']} cores, {', '.join(machine['devices'])}, {machine['system']}; load {load['before']} before "
        f"and {load['after']} after; {versions}."
    )


def shown(value: float) -> str:
    """Three digits, and no exponent."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
