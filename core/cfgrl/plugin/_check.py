"""`cfgrl plugin check`: the rules of a package and the checks of each of its components, as one report."""

from collections.abc import Iterator
from typing import Any

from cfgrl._errors import CfgrlError
from cfgrl.catalogue._component import Component, reason, singular
from cfgrl.config._build import build_component
from cfgrl.plugin._package import Package
from cfgrl.plugin._rules import RULES, run_rules


def check_package(package: Package) -> dict[str, Any]:
    """Run everything.

    Returns the report: `distribution`, `version`, `parts` (each with `family`, `name`, `target` and `findings`, the
    first one being the package itself), and the numbers of findings by `status` in `counts`.
    """
    findings = [
        {"check": name, "status": "failed" if message else "passed", "message": message}
        for name, message in run_rules(package)
    ]
    parts = [{"family": "package", "name": package.name, "target": None, "findings": findings}]
    parts += [_checked(package, family, name, component) for family, name, component in _components(package)]
    statuses = [finding["status"] for part in parts for finding in part["findings"]]
    counts = {status: statuses.count(status) for status in ("passed", "failed", "expected", "unexpected")}
    return {"distribution": package.name, "version": package.version, "parts": parts, "counts": counts}


def is_whole(report: dict[str, Any]) -> bool:
    """Whether nothing failed, and nothing passed that was announced to fail."""
    return not (report["counts"]["failed"] or report["counts"]["unexpected"])


def _components(package: Package) -> Iterator[tuple[str, str, Component]]:
    for plugin in package.plugins:
        for family, components in plugin.components.items():
            for name, component in components.items():
                yield family, name, component


def _checked(package: Package, family: str, name: str, component: Component) -> dict[str, Any]:
    part: dict[str, Any] = {"family": family, "name": name, "target": component.target}
    from cfgrl.testing import run_checks  # imports jax, which the rules of a package do without

    try:
        made = build_component(package.registry.catalogue, family, name, component.example)
        findings = run_checks(made, component.expected_failures)
    except (Exception, SystemExit) as error:
        message = str(error) if isinstance(error, CfgrlError) else reason(error)
        message += " Give the Component an `example`." if "which has no default" in message else ""
        return part | {"findings": [{"check": "it_can_be_made", "status": "failed", "message": message}]}
    return part | {"findings": [vars(finding) for finding in findings]}


def report_text(report: dict[str, Any], *, everything: bool = False) -> str:
    """For people: what needs a look, or with `everything` each check with what it asks for."""
    lines = [f"{report['distribution']} {report['version']}"]
    about = _abouts({part["family"] for part in report["parts"][1:]}) if everything else {}
    for part in report["parts"]:
        lines += ["", f"{_title(part)}: {_count(len(part['findings']))}"]
        for finding in part["findings"]:
            if everything or finding["status"] != "passed":
                lines.append(f"  {_MARKS[finding['status']]:<10} {finding['check']}{_said(finding)}")
                if everything and finding["status"] == "passed":
                    lines.append(f"  {'':<10} {about.get(finding['check'], '')}".rstrip())
    counts = report["counts"]
    words = [f"{counts['passed']} passed"]
    words += [f"{counts['failed']} failed"] if counts["failed"] else []
    words += [f"{counts['expected']} failed as announced"] if counts["expected"] else []
    words += [f"{counts['unexpected']} announced to fail and did not"] if counts["unexpected"] else []
    return "\n".join([*lines, "", ", ".join(words)])


_MARKS = {"passed": "ok", "failed": "FAILED", "expected": "announced", "unexpected": "UNEXPECTED"}


def _title(part: dict[str, Any]) -> str:
    if part["target"] is None:
        return "the package"
    return f"{singular(part['family'])} {part['name']} ({part['target']})"


def _count(n: int) -> str:
    return f"{n} check{'s' * (n != 1)}"


def _said(finding: dict[str, Any]) -> str:
    return f": {finding['message']}" if finding["message"] else ""


def _abouts(families: set[str]) -> dict[str, str]:
    from cfgrl.testing._suite import checks_of

    abouts = {rule.__name__: " ".join((rule.__doc__ or "").split()) for rule in RULES}
    return abouts | {check.name: check.about for family in families for check in checks_of(family)}
