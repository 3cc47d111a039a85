"""The line of every key, against what tomllib parses."""

import pathlib

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from cfgrl._errors import ConfigError
from cfgrl.config._toml import LARGEST, parse_toml, read_toml

DOCUMENT = b'''# a comment
a.b = 1
[x."y.z"]  # a header
c = [1, # not a key = 2
  2, { k = """
[not.a.header]
"" ]} \\""" """" }]
d = 'a = 1'
[[t]]
a = 1979-05-27 07:32:00
[t.u]
v = 1
[[t]]
[t.u]
"w # x" = \'\'\'a\'\'\'\'
inline = { p.q = 1, r = { s = [] } }
'''


def test_lines_of_every_form():
    lines = parse_toml(DOCUMENT, "f").lines
    assert lines[("a",)] == lines[("a", "b")] == 2
    assert lines[("x", "y.z")] == 3
    assert lines[("x", "y.z", "c", 1)] == lines[("x", "y.z", "c", 2, "k")] == 5
    assert lines[("x", "y.z", "d")] == 8
    assert (lines[("t",)], lines[("t", 0)], lines[("t", 1)]) == (9, 9, 13)
    assert (lines[("t", 0, "u", "v")], lines[("t", 1, "u", "w # x")]) == (12, 15)
    assert lines[("t", 1, "u", "inline", "p", "q")] == lines[("t", 1, "u", "inline", "r", "s")] == 16


def _paths(value, path=()):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from _paths(inner, (*path, key))


_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
_leaf = st.one_of(_text, st.integers(-9, 9), st.floats(), st.booleans(), st.dates(), st.times())
_value = st.recursive(
    _leaf,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_text, inner, max_size=3)),
    max_leaves=10,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(_text, _value, max_size=4), st.booleans())
def test_every_key_that_tomllib_parses_has_a_line(values, multiline):
    document = parse_toml(tomli_w.dumps(values, multiline_strings=multiline).encode(), "f")
    assert set(document.lines) == set(_paths(document.values))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a = 1\nb = = 2\n", "f:2: not valid TOML"),
        (b"a = 1\n\xff = 2\n", "f:2: not UTF-8 text"),
        (b"a = " + b"[" * 5000, "f: nested too deeply"),
        (b"p = { a = 1 }\np.b = 2\n", "give each key its own line"),
    ],
)
def test_what_is_not_toml_is_named_with_its_line(content, message):
    with pytest.raises(ConfigError) as caught:
        parse_toml(content, "f")
    assert message in str(caught.value)


def test_files_that_are_missing_or_no_registry(tmp_path: pathlib.Path):
    with pytest.raises(ConfigError, match="no such file"):
        read_toml(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="no such file"):
        read_toml(tmp_path)
    (tmp_path / "big.toml").write_bytes(b"#" * (LARGEST + 1))
    with pytest.raises(ConfigError, match="larger than"):
        read_toml(tmp_path / "big.toml")
