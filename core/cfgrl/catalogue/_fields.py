"""What a class takes: its annotated fields, from the class itself or, without importing it, from its source.

Three kinds of field can be set in a TOML file: a plain value (checked by pydantic against its annotation), a traced
hyperparameter declared with `scalar()` (a number within bounds), and a component (a nested table with `use`).
"""

import ast
import dataclasses
import sys
import types
import typing
from typing import Any, Literal, NamedTuple

from cfgrl._errors import PluginError
from cfgrl.catalogue._component import BUILT_IN, families, reason
from cfgrl.catalogue._expression import Unreadable, constant, interpret
from cfgrl.catalogue._source import ClassSource, annotated_fields, find_class, find_named, has_own_init, with_bases

#: No value; not `dataclasses.MISSING`, which a dataclass cannot have as a default.
MISSING: Any = object()
#: What the usual factories of defaults make.
_EMPTY = {"dict": ast.Dict([], []), "list": ast.List([], ast.Load()), "tuple": ast.Tuple([], ast.Load())}


@dataclasses.dataclass(frozen=True)
class Field:
    """One field of a component or settings class.

    **Arguments:**

    - `name`: the key.
    - `kind`: `value`, `scalar`, `component`, or `unknown` where the source alone does not tell.
    - `default`: its default, `MISSING` where it has none. Where only the source is known, a `SourceDefault` for a
      component, and text for what is no literal.
    - `annotation`: the type of a value.
    - `family`: of a component.
    - `bounds`: `ge`, `le`, `gt`, `lt` of a scalar.
    - `optional`: whether `"none"` is a value.
    - `text`: the annotation as written.
    """

    name: str
    kind: Literal["value", "scalar", "component", "unknown"]
    default: Any = MISSING
    annotation: Any = None
    family: str = ""
    bounds: dict[str, int | float] = dataclasses.field(default_factory=dict)
    optional: bool = False
    text: str = ""


class SourceDefault(NamedTuple):
    """A component that a class chooses itself, as its source says: the class and its arguments."""

    source: ClassSource
    given: dict[str, Any]


def source_fields(target: str) -> dict[str, Field] | None:
    """The fields of `"package.module:Class"` by its source alone; `None` if that does not tell all of them."""
    source = find_class(target)
    chain = with_bases(source) if source else None
    if chain is None or any(has_own_init(c) for c in chain):
        return None
    fields = {}
    for cls in chain:
        for node in annotated_fields(cls):
            field = _from_source(cls, node)
            if field is not None:
                fields[field.name] = field
    return fields


def class_fields(cls: type) -> dict[str, Field]:
    """The fields of an imported class. Raises `PluginError` if it is no dataclass or hides an annotation."""
    if not dataclasses.is_dataclass(cls):
        raise PluginError(f"{cls.__module__}:{cls.__qualname__} is neither a dataclass nor an equinox.Module.")
    try:
        hints = typing.get_type_hints(cls, include_extras=True)
    except Exception as error:
        raise PluginError(
            f"the annotations of {cls.__module__}:{cls.__qualname__} cannot be read: {reason(error)}."
        ) from error
    return {f.name: _from_class(f, hints[f.name]) for f in dataclasses.fields(cls) if f.init}


def _from_class(field: "dataclasses.Field[Any]", hint: Any) -> Field:
    default = MISSING if field.default is dataclasses.MISSING else field.default
    if field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    if "scalar" in field.metadata:
        declared = dict(field.metadata["scalar"])
        optional = bool(declared.pop("optional", False))
        bounds = {key: bound for key, bound in declared.items() if bound is not None}
        return Field(field.name, "scalar", default, bounds=bounds, optional=optional)
    arms = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    optional = type(None) in arms
    for arm in arms:
        family = _family(arm)
        if family:
            return Field(field.name, "component", default, family=family, optional=optional)
    return Field(field.name, "value", default, annotation=hint, optional=optional)


def _family(hint: Any) -> str | None:
    for family, about in families().items():
        module, _, name = about.base.partition(":")
        # If the family's base class is not imported yet, nothing can derive from it.
        base = getattr(sys.modules.get(module), name, None)
        if base is not None and isinstance(hint, type) and issubclass(hint, base):
            return family
    return None


def _from_source(cls: ClassSource, node: ast.AnnAssign) -> Field | None:
    assert isinstance(node.target, ast.Name)
    name, text = node.target.id, ast.unparse(node.annotation)
    default = node.value
    call = default.func if isinstance(default, ast.Call) else None
    called = call.attr if isinstance(call, ast.Attribute) else call.id if isinstance(call, ast.Name) else ""
    if isinstance(default, ast.Call) and called == "scalar":
        return _scalar_from_source(name, default, text)
    if isinstance(default, ast.Call) and called == "field":
        given = {k.arg: k.value for k in default.keywords}
        if "init" in given:
            return None
        factory = given.get("default_factory")
        default = given.get("default") or (_EMPTY.get(ast.unparse(factory), factory) if factory else None)
    arms = _arms(node.annotation)
    optional = "None" in arms
    family = _family_in_source(cls, arms)
    value = MISSING if default is None else _component_default(cls, default) if family else constant(default)
    if family:
        return Field(name, "component", value, family=family, optional=optional, text=text)
    try:
        return Field(name, "value", value, annotation=interpret(node.annotation), optional=optional, text=text)
    except Unreadable:
        return Field(name, "unknown", value, optional=optional, text=text)


def _family_in_source(cls: ClassSource, arms: set[str]) -> str | None:
    """The family that an annotation names. That of a plugin counts only if the name means its very base class."""
    for family, about in families().items():
        name = about.base.partition(":")[2]
        if family not in BUILT_IN and name in arms:
            base, meant = find_class(about.base), find_class(f"{cls.module}:{name}")
            if base and meant and (base.file, base.node.name) == (meant.file, meant.node.name):
                return family
    bases = {about.base.partition(":")[2]: family for family, about in BUILT_IN.items()} | {"FieldPolicy": "policies"}
    return next((bases[arm] for arm in arms if arm in bases), None)


def _component_default(cls: ClassSource, node: ast.expr) -> Any:
    """`MLP`, `MLP()`, `MLP(hidden=(256,))` or `lambda: MLP(…)`; the text where it is none of these."""
    call = node.body if isinstance(node, ast.Lambda) else node
    name = call.func if isinstance(call, ast.Call) else call
    keywords = call.keywords if isinstance(call, ast.Call) else []
    source = find_named(cls.module, name)
    if source is None or (isinstance(call, ast.Call) and call.args) or not all(k.arg for k in keywords):
        return constant(node)
    return SourceDefault(source, {str(k.arg): constant(k.value) for k in keywords})


def _scalar_from_source(name: str, call: ast.Call, text: str) -> Field:
    given = {k.arg or "": constant(k.value) for k in call.keywords}
    default = constant(call.args[0]) if call.args else given.get("default", MISSING)
    bounds = {key: given[key] for key in ("ge", "gt", "le", "lt") if given.get(key) is not None}
    if any(isinstance(value, str) for value in (*bounds.values(), given.get("optional"))):
        return Field(name, "unknown", default, text=text)
    return Field(name, "scalar", default, bounds=bounds, optional=bool(given.get("optional")), text=text)


def _arms(annotation: ast.expr) -> set[str]:
    """The names that a union is made of: `Network | None` is `Network`, `None`."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            return _arms(ast.parse(annotation.value, mode="eval").body)
        except SyntaxError:
            return set()
    if isinstance(annotation, ast.BinOp):
        return _arms(annotation.left) | _arms(annotation.right)
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value).rpartition(".")[2] == "Optional":
        return _arms(annotation.slice) | {"None"}
    return {ast.unparse(annotation).rpartition(".")[2]}
