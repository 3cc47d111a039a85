"""`cfgrl doctor`: what works on this machine, and what to do about what does not."""

import argparse
import dataclasses
import json
import textwrap
from typing import Any


def add(subparsers: Any) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "doctor",
        help="what works on this machine, and what to do about what does not",
        description="Look at versions, devices, plugins, the simulator, rendering, data and disk, and say how to mend "
        "what does not work. Exits with 0 unless something is broken that cfgrl cannot do without.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print each finding; returns the exit code of the first broken one, or 0."""
    from cfgrl.doctor import Finding, examine

    findings: list[Finding] = []
    for finding in examine():
        findings.append(finding)
        if not args.json:
            print(_lines(finding), flush=True)
    broken = [finding for finding in findings if finding.status == "broken"]
    if args.json:
        checks = {finding.name: _plain(finding) for finding in findings}
        print(json.dumps({"ok": not broken, "checks": checks}, indent=2))
    elif broken:
        print(f"\nBroken: {', '.join(finding.name for finding in broken)}.")
    else:
        print("\nEverything that cfgrl needs works.")
    return broken[0].exit_code if broken else 0


def _plain(finding: Any) -> dict[str, Any]:
    fields = dataclasses.asdict(finding)
    return {key: fields[key] for key in ("status", "detail", "remedy", "facts")}


def _lines(finding: Any) -> str:
    detail = textwrap.wrap(finding.detail, 98, break_long_words=False, break_on_hyphens=False)
    text = f"{finding.status:<7}{finding.name:<12}" + ("\n" + " " * 19).join(detail)
    return text if finding.remedy is None else f"{text}\n{' ' * 19}→ {finding.remedy}"
