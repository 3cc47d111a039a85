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


@dataclasses.dataclass(frozen=True)
class Family:
    """A kind of component: everything that derives from one abstract class.

    **Arguments:**

    - `base`: where that class is, as `"package.module:Class"`; imported only when a component is used.
    - `singular`: what one member is called in a sentence.
    - `summary`: one line: the question that a component of this family answers.
    - `checks`: where further conformance checks are, as `"package.module:NAME"` of a tuple of functions that take a
      component and raise `AssertionError` with a sentence.

    Raises `ValueError` if one of them has another form.
    """

    base: str
    singular: str
    summary: str
    checks: str | None = None

    def __post_init__(self) -> None:
        for target in (self.base, self.checks or self.base):
            if not isinstance(target, str) or not _TARGET.fullmatch(target):
                raise ValueError(f"a family's base reads 'package.module:Class', not {target!r}")
        if not all(isinstance(text, str) and text.strip() for text in (self.singular, self.summary)):
            raise ValueError(f"the family of {self.base} needs `singular` and a `summary` of one line")


#: The families that come with cfgrl.
BUILT_IN = {
    "labelers": Family("cfgrl._labeler:Labeler", "labeler", "what does a transition demonstrate?"),
    "policies": Family("cfgrl._policy:GenerativePolicy", "policy", "how are actions generated?"),
    "guidance": Family("cfgrl._guidance:Guidance", "guidance", "which loss in training, which sampler when acting?"),
    "events": Family("cfgrl._guidance:Event", "event", "what does classifier-free guidance condition on?"),
    "networks": Family("cfgrl._network:Network", "network", "which function approximator?"),
    "datasets": Family("cfgrl.data._dataset:Dataset", "data set", "where do transitions come from?"),
}
_brought: dict[str, Family] = {}


def families() -> dict[str, Family]:
    """All families by name: the built-in ones, and those that the installed plugins brought when last discovered."""
    return {**BUILT_IN, **_brought}


def bring(found: Mapping[str, Family]) -> None:
    """Replace the families of plugins."""
    _brought.clear()
    _brought.update(found)


def groups() -> tuple[str, ...]:
    """Everything that has a name: components by family, and presets."""
    return (*families(), "presets")


def singular(group: str) -> str:
    """What one member of a family, or one preset, is called in a sentence."""
    return "preset" if group == "presets" else families()[group].singular if group in families() else group


def family_called(name: str) -> str | None:
    """The family, or `presets`, that a name means, in the plural or the singular; `None` if there is none."""
    meant = {singular(group).replace(" ", ""): group for group in groups()} | {group: group for group in groups()}
    return meant.get(name.replace("-", "") if name not in meant else name)


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

    Raises `ValueError` if one of them has another form.
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
    """Import `"package.module:Class"`; raises `PluginError` if that fails, whatever the module raised."""
    found = load_object(target)
    if not isinstance(found, type):
        raise PluginError(f"{target} is not a class.")
    return found


def load_object(target: str) -> Any:
    """Import `"package.module:NAME"`; raises `PluginError` if that fails, whatever the module raised."""
    module, _, name = target.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (Exception, SystemExit) as error:
        raise PluginError(f"{target} cannot be imported: {reason(error)}.") from error


def reason(error: BaseException, limit: int = 400) -> str:
    """An exception as one line: its type and message, without line breaks and of bounded length."""
    text = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".: ")
    return text if len(text) <= limit else text[: limit - 1] + "…"
