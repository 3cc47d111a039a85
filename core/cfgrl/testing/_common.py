"""Checks that every component has to pass: what can be said of a class without running it."""

import dataclasses
import inspect
import re
from typing import Any

from cfgrl.catalogue._component import families, load_class
from cfgrl.testing._check import rule

#: An entry of the list of arguments: one or more names, and what they are.
_ENTRY = re.compile(r"^- ((?:`\w+`(?:, | and )?)+)[^:\n]*:", re.M)


@rule()
def documented(component: Any) -> None:
    """The class has a docstring of its own, with an entry for every field, and for nothing else, in a list that begins
    with **Arguments:**.
    """
    cls = type(component)
    text = inspect.cleandoc(cls.__doc__ or "")
    # A dataclass without a docstring is given one by Python: its signature.
    assert text.strip() and not text.startswith(f"{cls.__name__}("), f"{cls.__name__} has no docstring of its own"
    fields = {field.name for field in dataclasses.fields(cls) if field.init}
    entries = _ENTRY.findall(text.partition("**Arguments:**")[2])
    listed = {name for entry in entries for name in re.findall(r"`(\w+)`", entry)}
    missing, stale = sorted(fields - listed), sorted(listed - fields)
    assert not missing, f"the docstring of {cls.__name__} does not explain {', '.join(missing)} under **Arguments:**"
    assert not stale, f"the docstring of {cls.__name__} explains {', '.join(stale)}, which it does not have"


@rule()
def frozen(component: Any) -> None:
    """Fields cannot be assigned: hyperparameters are fixed, state is passed in and out."""
    names = [f.name for f in dataclasses.fields(type(component))] or ["anything"]
    try:
        setattr(component, names[0], None)
    except (dataclasses.FrozenInstanceError, AttributeError):
        return
    raise AssertionError(f"{type(component).__name__}.{names[0]} can be assigned; make the class a frozen dataclass")


@rule()
def methods_take_what_the_protocol_passes(component: Any) -> None:
    """Each method of the protocol has the protocol's parameters: the same names, the same ones keyword-only."""
    cls, base = type(component), protocol(component)
    for name, theirs in inspect.getmembers(base, inspect.isfunction):
        ours = inspect.getattr_static(cls, name)
        if name.startswith("_") or ours is theirs or not inspect.isfunction(ours):
            continue
        expected, found = (list(inspect.signature(f).parameters.values()) for f in (theirs, ours))
        extra = [p for p in found[len(expected) :] if p.default is p.empty and p.kind not in (p.VAR_KEYWORD,)]
        same = [(p.name, p.kind) for p in found[: len(expected)]] == [(p.name, p.kind) for p in expected]
        assert same and not extra, (
            f"{cls.__name__}.{name}{inspect.signature(ours)} does not take what is passed: "
            f"{name}({', '.join(_shown(p, expected) for p in expected)})"
        )


@rule()
def fields_hold_no_mutable_values(component: Any) -> None:
    """No field holds a list, dict, set or NumPy array: they cannot be part of what is compiled for."""
    for field in dataclasses.fields(type(component)):
        value = getattr(component, field.name, None)
        wrong = isinstance(value, list | dict | set | bytearray) or type(value).__module__ == "numpy"
        assert not wrong, f"`{field.name}` holds a {type(value).__name__}; use a tuple, or `scalar()` for a number"


@rule(lambda component: bool(_capabilities(component)))
def capabilities_are_names(component: Any) -> None:
    """`provides` and `needs` are frozen sets of lower-case names."""
    for attribute in _capabilities(component):
        assert hasattr(component, attribute), f"{type(component).__name__} does not say what it {attribute}"
        names = getattr(component, attribute)
        assert isinstance(names, frozenset), f"{attribute} must be a frozenset, not {type(names).__name__}"
        wrong = [name for name in names if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", str(name))]
        assert not wrong, f"{attribute} holds {wrong}; capabilities are lower-case names such as 'goal'"


def protocol(component: Any) -> type:
    """The base class of a component's family, `FieldPolicy` for those that are one."""
    bases = [load_class(t) for t in ("cfgrl._policy:FieldPolicy", *(about.base for about in families().values()))]
    return next(base for base in bases if isinstance(component, base))


def _capabilities(component: Any) -> list[str]:
    declared = {name for cls in type(component).__mro__ for name in vars(cls).get("__annotations__", {})}
    return sorted(declared & {"provides", "needs"})


def _shown(parameter: inspect.Parameter, among: list[inspect.Parameter]) -> str:
    first = next((p for p in among if p.kind is p.KEYWORD_ONLY), None)
    return f"*, {parameter.name}" if parameter is first else parameter.name


CHECKS = (
    capabilities_are_names,
    documented,
    frozen,
    methods_take_what_the_protocol_passes,
    fields_hold_no_mutable_values,
)
