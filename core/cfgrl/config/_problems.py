"""Faults of a configuration, collected so that all of them are told at once, each with its place."""

from typing import NamedTuple

from cfgrl._errors import ConfigError, PluginError
from cfgrl.config._registry import Resolved
from cfgrl.config._tables import Keys, Origin, dotted


class Problem(NamedTuple):
    """One fault: where it stands, what is wrong, and whether a plugin is to blame."""

    origin: Origin
    key: str
    message: str
    plugin: bool = False

    def __str__(self) -> str:
        end = "" if self.message.endswith("?") else "."
        return f"{self.origin}: {self.key}: {self.message}{end}"


class Problems:
    """The faults found so far in one configuration."""

    def __init__(self, resolved: Resolved):
        self.resolved = resolved
        self.found: list[Problem] = []

    def add(self, path: Keys, message: str, *, plugin: bool = False) -> None:
        """Note a fault of the key at `path`, with the line of the closest key around it that has one."""
        origins = self.resolved.origins
        around = (path[:n] for n in range(len(path), 0, -1))
        origin = next((origins[keys] for keys in around if keys in origins), self.resolved.origin)
        self.found.append(Problem(origin, dotted(path), message.rstrip("."), plugin))

    def raise_all(self) -> None:
        """Raise one error with all faults, if there are any; a `PluginError` where only plugins are to blame."""
        if not self.found:
            return
        lines = list(dict.fromkeys(str(problem) for problem in self.found))
        error = PluginError if all(problem.plugin for problem in self.found) else ConfigError
        if len(lines) == 1:
            raise error(lines[0])
        raise error(f"{len(lines)} problems in preset '{self.resolved.preset}':\n  " + "\n  ".join(lines))
