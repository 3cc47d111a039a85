"""`cfgrl plot`: the pictures of one or several runs as PNG files."""

import argparse
import json
import pathlib
from typing import Any

from cfgrl._errors import ConfigError


def add(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "plot",
        help="the pictures of one or several runs as PNG files",
        description="Write PNG figures: success against w, paired differences, tasks, rollouts and learning curves. "
        "Several runs share their figures. Needs the extra `plot`: pip install 'cfgrl[plot]'.",
    )
    parser.add_argument("runs", nargs="+", metavar="RUN", help="run directory")
    parser.add_argument("--out", metavar="DIR", help="where to write them (default: RUN/figures for a single run)")
    parser.add_argument("--json", action="store_true", help='print {"written": [paths]}')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the figures and print their paths."""
    if args.out is None and len(args.runs) > 1:
        raise ConfigError("Figures of several runs belong to none of them; say where to write them with --out DIR.")
    from cfgrl.report import load_runs, write_figures

    runs = load_runs(args.runs)
    places = write_figures(runs, runs[0].path / "figures" if args.out is None else pathlib.Path(args.out))
    if args.json:
        print(json.dumps({"written": [str(place) for place in places]}))
    else:
        print("\n".join(str(place) for place in places))
    return 0
