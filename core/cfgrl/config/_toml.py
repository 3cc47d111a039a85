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
from typing import Any, NamedTuple

from cfgrl._errors import ConfigError

Path = tuple[str | int, ...]
#: A registry file is read by people; anything larger is a mistake, such as a data set given as `--registry`.
LARGEST = 1 << 20

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
        values = tomllib.loads(text)
        return Document(values, _Lines(text).find())
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{name}:{line}: not UTF-8 text.") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name}{_position(str(error))}.") from error
    except RecursionError as error:
        raise ConfigError(f"{name}: nested too deeply.") from error


def _position(message: str) -> str:
    if "immutable namespace" in message:
        message += "; a table in braces takes no further keys, so give each key its own line, as in policy.steps = 16"
    found = re.search(r" \(at line (\d+), column \d+\)", message)
    if found:
        return f":{found[1]}: not valid TOML: {message.replace(found[0], '')}"
    return f": not valid TOML: {message}"


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
