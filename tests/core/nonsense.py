"""Strategies for what no program writes: edited bytes, odd words, and trees with a few branches changed."""

import copy
import math
from typing import Any

from hypothesis import strategies as st

ODD = (
    "",
    "\x1b[2Jx",
    "a\nb",
    "é",
    "\u202e",
    "\x9b2J",
    "$x",
    "<b>",
    "__class__",
    "none",
    "a" * 3000,
    "0",
    "a.b",
    "../../x",
)
NUMBERS = (0, -1, 1, 2**31, 2**53, 2**63, 2**64, 10**40, -(10**400), 0.5, 1e308, -1e308, 1e-320)
NOT_JSON = (math.nan, math.inf, -math.inf)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
Edit = tuple[str, float, Any]


def keys(*words: str) -> st.SearchStrategy[str]:
    """Names: known ones, odd ones, any."""
    return st.one_of(st.sampled_from(words), st.sampled_from(ODD), TEXT)


def values(*words: str, more: st.SearchStrategy[Any] | None = None) -> st.SearchStrategy[Any]:
    """Values of a file, nested or not; `more` are scalars that only this kind of file has."""
    known = st.sampled_from(words) if words else st.nothing()
    scalars = st.one_of(
        st.booleans(),
        st.integers(),
        st.sampled_from(NUMBERS + NOT_JSON),
        st.floats(),
        known,
        st.sampled_from(ODD),
        TEXT,
    )
    leaf = scalars if more is None else scalars | more
    name = keys(*words) if words else st.sampled_from(ODD) | TEXT
    return st.recursive(
        leaf, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(name, inner, max_size=4), max_leaves=6
    )


@st.composite
def trees(draw: st.DrawFn, start: Any, names: st.SearchStrategy[str], leaves: st.SearchStrategy[Any]) -> Any:
    """A table with a few keys dropped, renamed, added, exchanged or given another value."""
    tree = copy.deepcopy(start)
    for _ in range(draw(st.integers(1, 4))):
        places = _places(tree)
        if not places:
            break
        path = draw(st.sampled_from(places))
        other = draw(st.sampled_from(places))
        table, key = _at(tree, path[:-1]), path[-1]
        kind = draw(st.sampled_from(("drop", "rename", "value", "value", "add", "exchange", "repeat")))
        if kind == "drop":
            del table[key]
        elif kind == "rename" and isinstance(table, dict):
            table[draw(names)] = table.pop(key)
        elif kind == "add" and isinstance(table[key], dict):
            table[key][draw(names)] = draw(leaves)
        elif kind == "repeat" and isinstance(table[key], list):
            table[key] = table[key] * draw(st.sampled_from((2, 50)))
        elif kind == "exchange":
            table[key] = copy.deepcopy(_at(tree, other))
        else:
            table[key] = draw(leaves)
    return tree


def _places(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all keys and elements; of a long list only the first ones."""
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree[:3]) if isinstance(tree, list) else ()
    return ([path] if path else []) + [place for key, value in inner for place in _places(value, (*path, key))]


def _at(tree: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        tree = tree[key]
    return tree


def byte_edits(most: int = 6) -> st.SearchStrategy[list[Edit]]:
    """Edits of bytes, for `edited`: the place as a share of the length, so that they suit any file."""
    place = st.floats(0, 1, exclude_max=True)
    some = st.binary(min_size=1, max_size=8)
    return st.lists(
        st.one_of(
            st.tuples(st.just("flip"), place, st.integers(0, 7)),
            st.tuples(st.just("set"), place, some),
            st.tuples(st.just("insert"), place, some),
            st.tuples(st.just("cut"), place, st.integers(1, 300)),
            st.tuples(st.just("end"), place, st.none()),
            st.tuples(st.just("copy"), place, place),
        ),
        min_size=1,
        max_size=most,
    )


def edited(content: bytes, edits: list[Edit]) -> bytes:
    """Bytes after some edits."""
    data = bytearray(content)
    for kind, place, value in edits:
        at = int(place * len(data))
        if kind == "flip" and data:
            data[at] ^= 1 << value
        elif kind == "set":
            data[at : at + len(value)] = value
        elif kind == "insert":
            data[at:at] = value
        elif kind == "cut":
            del data[at : at + value]
        elif kind == "end":
            del data[at:]
        elif kind == "copy":
            other = int(value * len(data))
            data[at : at + 64] = data[other : other + 64]
    return bytes(data)
