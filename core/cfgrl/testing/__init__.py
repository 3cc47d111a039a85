"""Conformance checks for components, built in or from anybody's plugin.

    from cfgrl.testing import check_component, parametrize_with_checks

    check_component(MyGuidance)                      # raises AssertionError naming the check that failed

    @parametrize_with_checks([MyGuidance, MyLabeler])
    def test_conformance(component, check):
        check(component)

Every check has a name and a sentence about what it asks for; `checks_for` lists those that concern a component. A check
that a component is known to fail can be announced, with a reason: `expected_failures={"the_dial_turns": "why"}`.
"""

from cfgrl.testing._check import Check as Check
from cfgrl.testing._suite import Finding as Finding
from cfgrl.testing._suite import check_component as check_component
from cfgrl.testing._suite import checks_for as checks_for
from cfgrl.testing._suite import parametrize_with_checks as parametrize_with_checks
from cfgrl.testing._suite import run_checks as run_checks
