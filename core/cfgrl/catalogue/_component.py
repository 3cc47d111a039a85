"""`Component`: what a plugin says about a class before anybody imports it.

A catalogue has to answer "what is there?" in a fraction of a second, so hook modules hand over names and sentences,
and the class behind a name (with jax, MuJoCo or whatever it needs) is imported when it is used.
"""

import dataclasses
import importlib
import re
from collections.abc import Mapping
from typing import Any

from cfgrl._errors import PluginError

#: What a component may be called, and what a preset may be called.
NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", re.ASCII)

#: For each family the base class that its components derive from.
FAMILIES = {
    "labelers": "cfgrl._labeler:Labeler",
    "policies": "cfgrl._policy:GenerativePolicy",
    "guidance": "cfgrl._guidance:Guidance",
    "events": "cfgrl._guidance:Event",
    "networks": "cfgrl._network:Network",
    "datasets": "cfgrl.data._dataset:Dataset",
}
#: All that has a name: components by family, and presets.
GROUPS = (*FAMILIES, "presets")
#: How one member of a family is called in a sentence.
SINGULAR = {
    "labelers": "labeler",
    "policies": "policy",
    "guidance": "guidance",
    "events": "event",
    "networks": "network",
    "datasets": "data set",
    "presets": "preset",
}


@dataclasses.dataclass(frozen=True)
class Component:
    """An entry of the catalogue.

    **Arguments:**

    - `target`: where the class is, as `"package.module:Class"`; imported only when the component is used.
    - `summary`: one line for `cfgrl list`.
    - `paper`: the paper it follows, if any.
    - `verified`: how far it was checked: closed form, synthetic file, real run, paper scale.
    - `docs`: the page about it: an address, or a path in the source of its package.
    - `example`: keys as a registry file has them that make an instance for the checks, where some have no default.
    - `expected_failures`: for each conformance check that the class is known to fail, the reason. A check that passes
      all the same is reported too.

    Raises `ValueError` where one of them has another form.
    """

    target: str
    summary: str
    paper: str | None = None
    verified: str | None = None
    docs: str | None = None
    example: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    expected_failures: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.target, str) or not _TARGET.fullmatch(self.target):
            raise ValueError(f"a component's target reads 'package.module:Class', not {self.target!r}")
        if not isinstance(self.summary, str) or not self.summary.strip():
            raise ValueError(f"the component {self.target} needs a summary of one line")
        if not isinstance(self.example, Mapping) or not all(isinstance(key, str) for key in self.example):
            raise ValueError(f"the example of {self.target} must be a table of keys")
        reasons = self.expected_failures
        if not isinstance(reasons, Mapping) or not all(isinstance(r, str) and r.strip() for r in reasons.values()):
            raise ValueError(f"each expected failure of {self.target} needs a reason")

    def load(self) -> type:
        """Import the class. Raises `PluginError` with the reason where that fails."""
        return load_class(self.target)


def load_class(target: str) -> type:
    """Import `"package.module:Class"`; raises `PluginError` where that fails, whatever the module raised."""
    module, _, name = target.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (Exception, SystemExit) as error:
        raise PluginError(f"{target} cannot be imported: {reason(error)}.") from error
    if not isinstance(found, type):
        raise PluginError(f"{target} is not a class.")
    return found


def reason(error: BaseException, limit: int = 400) -> str:
    """An exception as one line: its type and message, without line breaks and of bounded length."""
    text = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".: ")
    return text if len(text) <= limit else text[: limit - 1] + "…"
