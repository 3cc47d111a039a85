"""What works on this machine, and what to do about what does not: the examination behind `cfgrl doctor`."""

from collections.abc import Callable, Iterator

from cfgrl.doctor import _machine, _packages, _storage
from cfgrl.doctor._finding import Finding

CHECKS: tuple[Callable[[], Finding], ...] = (
    _packages.versions,
    _packages.extras,
    _packages.plugins,
    _machine.devices,
    _machine.threads,
    _machine.simulation,
    _machine.rendering,
    _storage.data,
    _storage.cache,
    _storage.disk,
)


def examine() -> Iterator[Finding]:
    """Look at everything, each finding as soon as it is known."""
    for check in CHECKS:
        yield check()
