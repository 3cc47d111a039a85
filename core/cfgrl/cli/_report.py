"""`cfgrl report`: one self-contained page of one or several runs, or of a sweep."""

import argparse
import json
import pathlib
from typing import Any

from cfgrl._errors import ConfigError


def add(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "report",
        help="one self-contained page of one or several runs, or of a sweep",
        description="Write an HTML page: what the intervals allow to be said, success against w, tasks, rollouts, "
        "learning curves and where everything comes from. Several runs are compared on one page. The folder of a sweep "
        "gets its page, figures and results.json again.",
    )
    parser.add_argument("runs", nargs="+", metavar="RUN", help="run directory, or the folder of a sweep")
    parser.add_argument("--out", metavar="FILE.html", help="the file (default for a single one: RUN/report.html)")
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true", help='print {"written": [paths]}')
    shown.add_argument("--markdown", action="store_true", help="print a sweep's tables as Markdown, and write nothing")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the page and print its path."""
    sweeps = [name for name in args.runs if (pathlib.Path(name) / "sweep.json").is_file()]
    if sweeps and len(args.runs) > 1:
        raise ConfigError(f"{sweeps[0]} is the folder of a sweep, which has a page of its own: name it alone.")
    if args.markdown:
        return _markdown(args, sweeps)
    if args.out is None and len(args.runs) > 1:
        raise ConfigError("A page of several runs belongs to none of them; say where to write it with --out FILE.html.")
    if sweeps:
        from cfgrl.report._sweep._page import write_sweep

        written = write_sweep(sweeps[0], args.out)[1]
    else:
        from cfgrl.report import write_report

        written = [write_report(args.runs, args.out)]
    print(json.dumps({"written": [str(place) for place in written]}) if args.json else written[0])
    return 0


def _markdown(args: argparse.Namespace, sweeps: list[str]) -> int:
    """Print the tables of a sweep."""
    if not sweeps:
        raise ConfigError(f"--markdown prints the tables of a sweep, and {args.runs[0]} has no sweep.json.")
    if args.out is not None:
        raise ConfigError("--markdown prints tables and writes no page: leave --out out, or redirect the output.")
    from cfgrl.files._printable import printable
    from cfgrl.report import markdown_sweep
    from cfgrl.sweeps._gather import results

    print(printable(markdown_sweep(results(pathlib.Path(sweeps[0])))))
    return 0
