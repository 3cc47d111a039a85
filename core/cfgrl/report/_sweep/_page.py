"""The page of a sweep, its figures and its results as JSON, beside `sweep.json`."""

import json
import os
import pathlib
import shlex
from collections.abc import Sequence
from typing import Any

from cfgrl.report._figures import Picture
from cfgrl.report._files import refuse_foreign, write_derived
from cfgrl.report._format import count
from cfgrl.report._style import MARK as PICTURE_MARK
from cfgrl.report._style import has_matplotlib, render
from cfgrl.report._sweep import _findings, _tables
from cfgrl.report._sweep._figures import pictures
from cfgrl.report._sweep._read import Results, arms, labels
from cfgrl.report._template import MARK, fill

#: The first entry of results.json, by which it is known for our own.
_GENERATOR = {"generator": "cfgrl report"}
_JSON_MARK = json.dumps(_GENERATOR)[1:-1]


def write_sweep_report(
    folder: str | os.PathLike[str], out: str | os.PathLike[str] | None = None
) -> tuple[dict[str, Any], pathlib.Path]:
    """Write results.json, the page and, where matplotlib is there, figures/*.png into a sweep's folder.

    **Arguments:**

    - `folder`: the folder that `cfgrl sweep` keeps for the sweep, with its sweep.json.
    - `out`: the page's file; by default report.html in the folder.

    **Returns:** the results, and where the page is.

    **Raises:** `ConfigError` where it is no such folder, nothing was judged yet or a file there is not our own;
    `CheckpointError` where a file cannot be read.
    """
    results, written = write_sweep(folder, out)
    return results, written[0]


def write_sweep(
    folder: str | os.PathLike[str], out: str | os.PathLike[str] | None = None
) -> tuple[dict[str, Any], list[pathlib.Path]]:
    """As `write_sweep_report`; returns everything that was written, the page first."""
    from cfgrl.sweeps._gather import results as gather

    folder = pathlib.Path(folder)
    results = gather(folder)
    place = folder / "report.html" if out is None else pathlib.Path(out)
    command = ["cfgrl", "report", str(folder), *([] if out is None else ["--out", str(place)])]
    shown = pictures(results) if has_matplotlib() else []
    files = [
        (place, page(results, shown, shlex.join(command)).encode(), MARK),
        (folder / "results.json", _json(results), _JSON_MARK),
        *((folder / "figures" / f"{p.name}.png", render(p.draw, "png"), PICTURE_MARK) for p in shown),
    ]
    for path, _, mark in files:
        refuse_foreign(path, mark)
    return results, [write_derived(path, content, mark) for path, content, mark in files]


def _json(results: Results) -> bytes:
    return (json.dumps({**_GENERATOR, **results}, indent=1, allow_nan=False) + "\n").encode()


def page(results: Results, shown: Sequence[Picture], command: str) -> str:
    """The page as text.

    **Arguments:**

    - `results`: what it is about; `shown`: its figures.
    - `command`: what makes the page again.
    """
    return fill(
        "sweep.html.j2",
        shown,
        title=results["sweep"],
        subtitle=_subtitle(results),
        figures_possible=has_matplotlib(),
        summary=results["summary"],
        missing=_findings.missing(results),
        findings=_findings.findings(results),
        rule=_findings.rule(results),
        measure=results["measure"],
        reference=results["reference"],
        chosen=_tables.chosen_table(results, settings=True),
        differences=_tables.differences_table(results),
        worth=_tables.dials_table(results),
        dials=_tables.dial_tables(results),
        densities=_tables.density_tables(results),
        costs=_tables.costs_table(results),
        facts=_tables.provenance(results),
        sources=[(label, json.dumps(source)) for label, source in results["data"].items()],
        settings=json.dumps(results["set"], indent=1),
        sweep_command=shlex.join(results["command"]),
        command=command,
    )


def _subtitle(results: Results) -> str:
    seeds, data = len(results["seeds"]), len(labels(results))
    return " · ".join([count(len(arms(results)), "arm"), count(data, "data set"), count(seeds, "agent seed")])
