"""Which checks belong to which family, and how they are run."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from cfgrl.catalogue._component import Family, families, load_object
from cfgrl.testing import (
    _common,
    _composition,
    _configuration,
    _dataset,
    _event,
    _guidance,
    _labeler,
    _network,
    _policy,
    _purity,
    _state,
)
from cfgrl.testing._check import Check, rule
from cfgrl.testing._companions import family_of, instance
from cfgrl.testing._quoted import quoted

_ALL = _common.CHECKS + _configuration.CHECKS
_FAMILIES: dict[str, tuple[Check, ...]] = {
    "labelers": _labeler.CHECKS + _purity.LABELER_CHECKS + _state.LABELER_CHECKS + _state.CHECKS + _composition.CHECKS,
    "policies": _policy.CHECKS + _purity.POLICY_CHECKS + _state.POLICY_CHECKS + _state.CHECKS + _composition.CHECKS,
    "guidance": _guidance.CHECKS + _purity.GUIDANCE_CHECKS + _state.CHECKS + _composition.CHECKS,
    "events": _event.CHECKS,
    "networks": _network.CHECKS + _purity.NETWORK_CHECKS + _state.CHECKS + _composition.NETWORK_CHECKS,
    "datasets": _dataset.CHECKS,
}


@dataclasses.dataclass(frozen=True)
class Finding:
    """What came of one check.

    **Arguments:**

    - `check`: its name.
    - `status`: `passed`; `failed`; `expected`, a failure that was announced; `unexpected`, one that was announced and
      did not happen, so that the announcement should go.
    - `message`: the sentence of a failure, or why one was announced.
    """

    check: str
    status: Literal["passed", "failed", "expected", "unexpected"]
    message: str = ""

    @property
    def fine(self) -> bool:
        """Whether nothing has to be done about it."""
        return self.status in ("passed", "expected")


def checks_for(component: Any) -> tuple[Check, ...]:
    """The checks that concern a component, given as an instance or as a class that can be made without arguments.

    Raises `TypeError` for what is no component.
    """
    checks = _checks_of(component)
    made = instance(component)
    return tuple(check for check in checks if _concerns(check, made))


def every_check() -> dict[str, tuple[Check, ...]]:
    """All checks by family, whether or not they concern a particular component."""
    return {family: checks_of(family) for family in families()}


def checks_of(family: str) -> tuple[Check, ...]:
    """All checks of one family. Raises `PluginError` if those that a plugin gives for it cannot be imported."""
    return _ALL + (_FAMILIES.get(family) or _brought(families()[family]))


def _checks_of(component: Any) -> tuple[Check, ...]:
    return checks_of(family_of(component))


def _brought(family: Family) -> tuple[Check, ...]:
    """The checks that a plugin gives for a family of its own."""
    if family.checks is None:
        return ()
    module, _, name = family.checks.partition(":")
    return tuple(check if isinstance(check, Check) else rule()(check) for check in load_object(f"{module}:{name}"))


def run_checks(component: Any, expected_failures: Mapping[str, str] | None = None) -> list[Finding]:
    """Run every check that concerns a component, and say what came of each."""
    made, expected = instance(component), dict(expected_failures or {})
    findings: list[Finding] = []
    for check in checks_for(made):
        findings.append(_run(check, made, expected.pop(check.name, None)))
        if check is _common.capabilities_are_names and findings[-1].status == "failed":
            return findings  # What a part can do decides what it is checked for.
    known = {check.name for check in _checks_of(component)}
    for name in expected:
        why = "does not concern this component" if name in known else "is no check"
        findings.append(Finding(name, "unexpected", f"a failure of it is expected, but it {why}"))
    return findings


def _concerns(check: Check, component: Any) -> bool:
    try:
        return check.applies(component)
    except Exception:  # Then the check itself meets the same fault, and says so.
        return True


def _run(check: Check, component: Any, expected: str | None) -> Finding:
    try:
        check(component)
    except (Exception, SystemExit) as error:
        text = str(error) if isinstance(error, AssertionError) else quoted(error, component)
        return Finding(check.name, "expected", expected) if expected else Finding(check.name, "failed", text or "fails")
    if expected:
        return Finding(check.name, "unexpected", f"it passes, though a failure is expected ({expected})")
    return Finding(check.name, "passed")


def check_component(component: Any, *, expected_failures: Mapping[str, str] | None = None) -> None:
    """Run every check on a component, given as an instance or as a class that can be made without arguments.

    **Arguments:**

    - `component`: what is checked.
    - `expected_failures`: the reason for each check, by name, that it is known to fail.

    **Raises:** `AssertionError` with one line for each check that failed, or passed against expectation.
    """
    wrong = [finding for finding in run_checks(component, expected_failures) if not finding.fine]
    lines = "\n  ".join(f"{finding.check}: {finding.message}" for finding in wrong)
    assert not wrong, f"{_name(component)} fails {len(wrong)} check{'s' * (len(wrong) > 1)}\n  {lines}"


def parametrize_with_checks(components: Sequence[Any], *, expected_failures: Mapping[str, str] | None = None) -> Any:
    """A pytest decorator that gives a test every pair `(component, check)`, one test each.

    `expected_failures` names checks with a reason each; their tests are marked `xfail`, and strictly.
    """
    import pytest

    expected, parameters = dict(expected_failures or {}), []
    known = {check.name for component in components for check in _checks_of(component)}
    if strange := sorted(set(expected) - known):
        raise ValueError(f"failures are expected of what is no check here: {', '.join(strange)}")
    for component in components:
        made = instance(component)
        for check in checks_for(made):
            marks = [pytest.mark.xfail(reason=expected[check.name], strict=True)] if check.name in expected else []
            parameters.append(pytest.param(made, check, id=f"{_name(component)}-{check.name}", marks=marks))
    return pytest.mark.parametrize(("component", "check"), parameters)


def _name(component: Any) -> str:
    return component.__name__ if isinstance(component, type) else type(component).__name__
