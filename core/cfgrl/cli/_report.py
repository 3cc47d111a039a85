"""`cfgrl report`: one self-contained page of one or several runs."""

import argparse
import json
from typing import Any

from cfgrl._errors import ConfigError


def add(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "report",
        help="one self-contained page of one or several runs",
        description="Write an HTML page: what the intervals allow to be said, success against w, tasks, rollouts, "
        "learning curves and where everything comes from. Several runs are compared on one page.",
    )
    parser.add_argument("runs", nargs="+", metavar="RUN", help="run directory")
    parser.add_argument("--out", metavar="FILE.html", help="the file (default for a single run: RUN/report.html)")
    parser.add_argument("--json", action="store_true", help='print {"written": [paths]}')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the page and print its path."""
    if args.out is None and len(args.runs) > 1:
        raise ConfigError("A page of several runs belongs to none of them; say where to write it with --out FILE.html.")
    from cfgrl.report import write_report

    place = write_report(args.runs, args.out)
    print(json.dumps({"written": [str(place)]}) if args.json else place)
    return 0
