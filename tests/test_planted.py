"""The conformance checks are tested themselves: each planted fault is caught by the check that is meant for it."""

from collections.abc import Callable
from typing import Any

import faults_datasets
import faults_events
import faults_fields
import faults_guidance
import faults_labelers
import faults_networks
import faults_policies
import pytest
from faults_fields import Undocumented
from faults_guidance import Concrete
from faults_policies import Curious, Spread
from planting import PLANTED

from cfgrl.testing import run_checks
from cfgrl.testing._companions import family_of
from cfgrl.testing._suite import every_check

#: Imported for what they plant.
FAULTS = (
    faults_fields,
    faults_labelers,
    faults_policies,
    faults_guidance,
    faults_events,
    faults_networks,
    faults_datasets,
)


@pytest.mark.parametrize(("check", "make"), PLANTED, ids=lambda value: value if isinstance(value, str) else "")
def test_a_planted_fault_is_caught_by_the_check_meant_for_it(check: str, make: Callable[[], Any]) -> None:
    (meant,) = [candidate for candidate in every_check()[family_of(make())] if candidate.name == check]
    assert meant.applies(make())
    # Three faults raise inside the component; all others are found by the check's own sentence.
    expected = TypeError if type(make()) in (Curious, Spread, Concrete) else AssertionError
    with pytest.raises(expected) as caught:
        meant(make())
    assert str(caught.value).strip()


def test_every_check_has_a_planted_fault() -> None:
    known = {check.name for checks in every_check().values() for check in checks}
    assert len(PLANTED) >= 25 and len(known) >= 25
    # Its fault has to lie in a file: below.
    assert known - {check for check, _ in PLANTED} == {"keys_are_read_from_the_source"}


ALIASED = '''
from cfgrl_plugins.labelers.behaviour import Behaviour

Steps = int


class Aliased(Behaviour):
    """An alias hides a type.

    **Arguments:**

    - `steps`, `chunk`: numbers.
    """

    steps: Steps = 3
'''


def test_keys_that_the_source_does_not_tell(tmp_path, monkeypatch) -> None:
    (tmp_path / "cfgrl_aliased.py").write_text(ALIASED)
    monkeypatch.syspath_prepend(tmp_path)
    from cfgrl_aliased import Aliased  # type: ignore[import-not-found]  # written two lines above

    failed = {finding.check for finding in run_checks(Aliased) if not finding.fine}
    assert failed == {"keys_are_read_from_the_source"}


def test_an_announced_failure_is_fine_and_a_false_announcement_is_not() -> None:
    findings = run_checks(Undocumented, {"documented": "a test", "frozen": "not true", "no_such": "a slip"})
    by_name = {finding.check: finding for finding in findings}
    assert by_name["documented"].status == "expected" and by_name["documented"].message == "a test"
    assert by_name["frozen"].status == "unexpected" and "it passes" in by_name["frozen"].message
    assert by_name["no_such"].status == "unexpected" and "is no check" in by_name["no_such"].message
