"""TOML with the line of every key: `tomllib` parses, and a second pass over what is then valid text finds the lines.

    [preset.demo]               # ("preset",) and ("preset", "demo") -> 1
    guidance.weight = 3.0       # (…, "guidance") and (…, "guidance", "weight") -> 2
    network = { hidden = [      # (…, "network"), (…, "network", "hidden") -> 3
        256 ] }

An element of an array of tables is addressed by its number.
"""

import pathlib
import re
import tomllib
from collections.abc import Iterator
from typing import Any, NamedTuple

from cfgrl._errors import ConfigError

Path = tuple[str | int, ...]
#: A registry file is read by people; anything larger is a mistake, such as a data set given as `--registry`.
LARGEST = 1 << 20
#: What no person writes either, and what would take the more than linear time: keys and elements of arrays together,
#: and parts of one dotted key.
MOST_KEYS, MOST_PARTS = 20_000, 50

_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BLANK = re.compile(r"[ \t]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRINGS = {  # Longest opening first; within quotes a backslash takes the next character along.
    '"""': re.compile(r'"""(?:[^"\\]|\\.|"(?!""))*"{3,5}', re.DOTALL),
    "'''": re.compile(r"'''(?:[^']|'(?!''))*'{3,5}", re.DOTALL),
    '"': re.compile(r'"(?:[^"\\\n]|\\.)*"'),
    "'": re.compile(r"'[^'\n]*'"),
}
_PLAIN = re.compile(r"[^,\]}#\n]+")
_PART = r"""(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+"""
_LONG_KEY = re.compile(rf"(?<![A-Za-z0-9_-])(?:{_PART}){{{MOST_PARTS}}}")


class Document(NamedTuple):
    """A parsed file: `values` as `tomllib` gives them, and for each path of keys the `lines` it is set on."""

    values: dict[str, Any]
    lines: dict[Path, int]


def shown(path: pathlib.Path) -> str:
    """A file as messages name it: relative to the working directory where it lies below."""
    here = pathlib.Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def read_toml(path: pathlib.Path) -> Document:
    """Read a file; raises `ConfigError` with file and line where it is missing, too large or not TOML."""
    try:
        if not path.is_file():
            raise ConfigError(f"{shown(path)}: there is no such file.")
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise ConfigError(f"{shown(path)}: cannot be read: {error.strerror}.") from error
    if len(content) > LARGEST:
        raise ConfigError(f"{shown(path)}: larger than {LARGEST} bytes; this is not a registry file.")
    return parse_toml(content, shown(path))


def parse_toml(content: bytes, name: str) -> Document:
    """Parse UTF-8 text; `name` stands for the file in messages."""
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
        if long := _LONG_KEY.search(text):  # tomllib takes the square of the number of parts
            line = text.count("\n", 0, long.start()) + 1
            raise ConfigError(f"{name}:{line}: a key has more than {MOST_PARTS} parts; this is not a registry file.")
        values = tomllib.loads(text)
        lines = _Lines(text).find()
        for keys, fault in misfits(values):
            place = next(lines[keys[:n]] for n in range(len(keys), 0, -1) if keys[:n] in lines)
            raise ConfigError(f"{name}:{place}: {fault}.")
        return Document(values, lines)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{name}:{line}: not UTF-8 text.") from error
    except ValueError as error:  # TOML's own faults, and what Python refuses, such as a number of 5,000 digits
        raise ConfigError(f"{name}{_position(str(error))}.") from error
    except _TooMany as error:
        raise ConfigError(f"{name}: more than {MOST_KEYS:,} keys; this is not a registry file.") from error
    except RecursionError as error:
        raise ConfigError(f"{name}: nested too deeply.") from error


def misfits(value: Any) -> Iterator[tuple[Path, str]]:
    """What Python's parser lets pass and the code behind it cannot use: the path to it, and what is wrong."""
    waiting: list[tuple[Path, Any]] = [((), value)]
    while waiting:
        path, value = waiting.pop()
        if len(path) > MOST_PARTS:
            yield path, f"nested more than {MOST_PARTS} deep"
            continue
        if isinstance(value, int) and not -(2**63) <= value < 2**63:  # may be so long that it cannot even be printed
            yield path, "a whole number does not fit into 64 bits, as TOML wants it"
        inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        waiting += [((*path, key), below) for key, below in inner]


def _position(message: str) -> str:
    if "immutable namespace" in message:
        message += "; a table in braces takes no further keys, so give each key its own line, as in policy.steps = 16"
    found = re.search(r" \(at line (\d+), column \d+\)", message)
    if found:
        return f":{found[1]}: not valid TOML: {message.replace(found[0], '')}"
    return f": not valid TOML: {message}"


class _TooMany(Exception):
    """More keys than anybody writes."""


class _Lines:
    """Walks a valid document and notes the line at which each key stands first."""

    def __init__(self, text: str):
        self.text = text
        self.at = 0
        self.line = 1
        self.lines: dict[Path, int] = {}
        self.counts: dict[Path, int] = {}

    def find(self) -> dict[Path, int]:
        table: Path = ()
        self.skip(_SPACE)
        while self.at < len(self.text):
            if self.text.startswith("[[", self.at):
                table = self.header(2)
            elif self.text[self.at] == "[":
                table = self.header(1)
            else:
                self.pair(table)
            self.skip(_SPACE)
            if len(self.lines) > MOST_KEYS:
                raise _TooMany
        return self.lines

    def skip(self, pattern: re.Pattern[str]) -> str:
        """Move past what `pattern` matches here."""
        match = pattern.match(self.text, self.at)
        assert match is not None, f"line {self.line}"
        self.line += match[0].count("\n")
        self.at = match.end()
        return match[0]

    def header(self, brackets: int) -> Path:
        """`[a.b]` or `[[a.b]]`; a name that stands for an array of tables means its latest element."""
        self.at += brackets
        keys = self.keys()
        self.at += brackets
        path: Path = ()
        for number, key in enumerate(keys):
            path = (*path, key)
            self.lines.setdefault(path, self.line)
            if brackets == 2 and number == len(keys) - 1:
                self.counts[path] = self.counts.get(path, -1) + 1
            if path in self.counts:
                path = (*path, self.counts[path])
                self.lines.setdefault(path, self.line)
        return path

    def pair(self, table: Path) -> None:
        line = self.line
        path = table
        for key in self.keys():
            path = (*path, key)
            self.lines.setdefault(path, line)
        self.at += 1  # the equals sign
        self.skip(_BLANK)
        self.value(path)

    def keys(self) -> list[str]:
        """A dotted key, up to the character that ends it."""
        keys = []
        while True:
            self.skip(_BLANK)
            quote = self.text[self.at]
            if quote in "\"'":
                keys.append(tomllib.loads(f"x = {self.skip(_STRINGS[quote])}")["x"])
            else:
                keys.append(self.skip(_BARE))
            self.skip(_BLANK)
            if self.text[self.at] != ".":
                return keys
            self.at += 1

    def value(self, path: Path) -> None:
        if self.text[self.at] == "[":
            self.array(path)
        elif self.text[self.at] == "{":
            self.inline(path)
        else:
            opening = next((quotes for quotes in _STRINGS if self.text.startswith(quotes, self.at)), None)
            self.skip(_STRINGS[opening] if opening else _PLAIN)

    def array(self, path: Path) -> None:
        self.at += 1
        self.skip(_SPACE)
        number = 0
        while self.text[self.at] != "]":
            self.lines[(*path, number)] = self.line
            self.value((*path, number))
            number += 1
            self.separator()
        self.at += 1

    def inline(self, path: Path) -> None:
        self.at += 1
        self.skip(_SPACE)
        while self.text[self.at] != "}":
            self.pair(path)
            self.separator()
        self.at += 1

    def separator(self) -> None:
        self.skip(_SPACE)
        if self.text[self.at] == ",":
            self.at += 1
            self.skip(_SPACE)
