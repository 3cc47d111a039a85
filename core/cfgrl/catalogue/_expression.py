"""Reads annotations and defaults out of a syntax tree. Nothing is executed: only names from short lists are known."""

import ast
import operator
import typing
from typing import Any

import annotated_types

_TYPES: dict[str, Any] = {
    "int": int, "float": float, "bool": bool, "str": str, "None": None, "tuple": tuple, "list": list, "dict": dict,
    "Tuple": tuple, "List": list, "Dict": dict, "Any": Any,
}  # fmt: skip
_FORMS = {"Literal": typing.Literal, "Annotated": typing.Annotated, "Optional": typing.Optional, "Union": typing.Union}
_CONSTRAINTS = {
    name: getattr(annotated_types, name)
    for name in ("Ge", "Gt", "Le", "Lt", "Interval", "Len", "MinLen", "MaxLen", "MultipleOf")
}
_OPERATORS: dict[type[ast.operator], Any] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip
#: `(512,) * 4` is a default worth showing as a value; `"x" * 10**9` is not.
_LARGEST = 10_000


class Unreadable(Exception):
    """An annotation that uses names from elsewhere."""


def interpret(node: ast.expr) -> Any:
    """The type that an annotation stands for. Raises `Unreadable` if only importing the module would tell."""
    match node:
        case ast.Constant(value=None):
            return None
        case ast.Constant(value=str(text)):
            try:
                return interpret(ast.parse(text, mode="eval").body)
            except SyntaxError as error:
                raise Unreadable(text) from error
        case ast.Name() | ast.Attribute():
            name = _last(node)
            if name in _TYPES:
                return _TYPES[name]
        case ast.BinOp(op=ast.BitOr()):
            return typing.Union[interpret(node.left), interpret(node.right)]  # noqa: UP007  # None | None is no type
        case ast.Subscript():
            return _subscript(node)
    raise Unreadable(ast.unparse(node))


def _subscript(node: ast.Subscript) -> Any:
    name = _last(node.value)
    arguments = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    try:
        if name == "Literal":
            return typing.Literal[tuple(ast.literal_eval(argument) for argument in arguments)]
        if name == "Annotated":
            return typing.Annotated[(interpret(arguments[0]), *map(_constraint, arguments[1:]))]
        generic = _FORMS.get(name) or _TYPES.get(name)
        if generic is not None:
            inside: Any = tuple(... if _is_ellipsis(a) else interpret(a) for a in arguments)
            return generic[inside if len(inside) != 1 else inside[0]]  # Optional takes one, not a tuple of one
    except (TypeError, ValueError) as error:
        raise Unreadable(ast.unparse(node)) from error
    raise Unreadable(ast.unparse(node))


def _constraint(node: ast.expr) -> Any:
    if isinstance(node, ast.Call) and _last(node.func) in _CONSTRAINTS:
        arguments = [ast.literal_eval(argument) for argument in node.args]
        named = {k.arg: ast.literal_eval(k.value) for k in node.keywords if k.arg}
        return _CONSTRAINTS[_last(node.func)](*arguments, **named)
    raise Unreadable(ast.unparse(node))


def constant(node: ast.expr) -> Any:
    """The value of a literal or of simple arithmetic with literals; of anything else its text."""
    value = _fold(node)
    return ast.unparse(node) if value is Unreadable else value


def _fold(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        pass
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        left, right = _fold(node.left), _fold(node.right)
        if left is Unreadable or right is Unreadable or _size(left, right) > _LARGEST:
            return Unreadable
        try:
            return _OPERATORS[type(node.op)](left, right)
        except (TypeError, ValueError, ArithmeticError):
            return Unreadable
    if isinstance(node, ast.Tuple) and all(_fold(element) is not Unreadable for element in node.elts):
        return tuple(_fold(element) for element in node.elts)
    return Unreadable


def _size(left: Any, right: Any) -> int:
    """How long a repeated sequence would be."""
    lengths = [len(v) if isinstance(v, tuple | str | bytes | list) else v for v in (left, right)]
    return lengths[0] * lengths[1] if lengths != [left, right] and all(isinstance(n, int) for n in lengths) else 0


def _is_ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


def _last(node: ast.expr) -> str:
    return ast.unparse(node).rpartition(".")[2]
