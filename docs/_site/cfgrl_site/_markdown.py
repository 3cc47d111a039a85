"""Markdown: escaping, tables, and links from one page to another."""

import functools
import pathlib
import posixpath
import re
from collections.abc import Iterable, Sequence

from markdown.extensions.toc import slugify

_CODE = re.compile(r"(`+[^`]*`+)")
_HEADING = re.compile(r"^(#{1,6}) +(.+?)(?: +\{[^}]*\})?$", re.M)
_FENCE = re.compile(r"^(`{3,})[^`\n]*\n.*?^\1`*$", re.M | re.S)
_REFERENCE = re.compile(r"\b(docs/[\w./-]+\.md(?:#[\w-]+)?)|\barXiv (\d{4}\.\d{4,5})\b")


def plain(text: str) -> str:
    """Text in which signs mean themselves; `code` stays code."""
    return _escape(text, "_<")


def _escape(text: str, signs: str) -> str:
    """A backslash before each of `signs` outside of code."""
    parts = _CODE.split(text)
    return "".join(part if i % 2 else re.sub(f"([{signs}])", r"\\\1", part) for i, part in enumerate(parts))


def sentence(text: str) -> str:
    """A line of a catalogue as a sentence of its own."""
    return f"{plain(text[0].upper() + text[1:]).rstrip('.')}."


def phrase(text: str) -> str:
    """A sentence as a part of another."""
    initial = text[0] if text[1:2].isupper() else text[0].lower()
    return plain(initial + text[1:]).rstrip(".")


def code(text: object) -> str:
    """Text as code."""
    return f"`{text}`"


def codes(names: Iterable[str]) -> str:
    """Names as code, in alphabetical order; a word where there are none."""
    return ", ".join(map(code, sorted(names))) or "nothing"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a sign that would end a cell is escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_escape(cell, "|") for cell in line) + " |" for line in lines)


def facts(pairs: Iterable[tuple[str, str | None]]) -> str:
    """A list of what is known, one line each; what is empty is left out."""
    return "\n".join(f"- **{name}:** {value}" for name, value in pairs if value)


def relative(page: str, target: str) -> str:
    """The address of `target` (a path in the documentation, perhaps with an anchor) as `page` writes it."""
    path, sharp, anchor = target.partition("#")
    return posixpath.relpath(path, posixpath.dirname(page) or ".") + sharp + anchor


def linked(text: str, page: str, root: pathlib.Path) -> str:
    """Plain text with arXiv numbers, and paths of pages such as `docs/data.md`, as links."""

    def link(match: re.Match[str]) -> str:
        path, number = match.groups()
        return to_page(path, page, root) if path else f"[{match[0]}](https://arxiv.org/abs/{number})"

    return _REFERENCE.sub(link, plain(text))


def to_page(place: str | None, page: str, root: pathlib.Path) -> str:
    """A link to what `docs` or `results` names, called by its title; empty where nothing is named."""
    if not place or "://" in place:
        return f"<{place}>" if place else ""
    path, _, anchor = place.partition("#")
    title = next(iter(headings(root / path).values()))
    heading = headings(root / path).get(anchor, anchor)
    name = title if heading in ("", title) else f"{title}: {heading}"
    return f"[{name}]({relative(page, place.removeprefix('docs/'))})"


@functools.cache
def headings(path: pathlib.Path) -> dict[str, str]:
    """The headings of a page by their anchors, in order."""
    found: dict[str, str] = {}
    for _, heading in _HEADING.findall(_FENCE.sub("", path.read_text(encoding="utf-8"))):
        text = heading.replace("`", "")
        found.setdefault(slugify(text, "-"), text)
    return found
