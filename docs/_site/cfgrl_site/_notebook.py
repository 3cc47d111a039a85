"""A notebook as a page: its text, its code, what that printed, and its pictures."""

import base64
import json
import pathlib
from collections.abc import Iterator
from typing import Any


def pages(root: pathlib.Path) -> Iterator[tuple[str, str | bytes]]:
    """The page of each notebook with its pictures, by their paths in the documentation."""
    docs = root / "docs"
    for path in sorted((docs / "notebooks").glob("*.ipynb")):
        yield from convert(path.relative_to(docs).as_posix(), json.loads(path.read_text(encoding="utf-8")))


def convert(where: str, notebook: dict[str, Any]) -> Iterator[tuple[str, str | bytes]]:
    """The pictures of one notebook, then its page."""
    stem = where.removesuffix(".ipynb")
    name = pathlib.PurePosixPath(where).name
    download = f"[Download this notebook]({name}), or run it with Jupyter; what is printed below is what it prints."
    parts: list[str] = []
    pictures = 0
    for cell in notebook["cells"]:
        source = "".join(cell["source"]).strip("\n")
        if cell["cell_type"] == "markdown":
            parts.append(source)
        elif source:
            parts.append(_fenced("python", source))
        for output in cell.get("outputs", []):
            if png := output.get("data", {}).get("image/png"):
                pictures += 1
                picture = f"{stem}-{pictures}.png"
                yield picture, base64.b64decode("".join(png))
                parts.append(f"![{_caption(parts)}]({pathlib.PurePosixPath(picture).name})")
            elif text := _text(output):
                parts.append(_fenced("{ .text .output }", text))
    yield f"{stem}.md", "\n\n".join([parts[0], download, *parts[1:]]) + "\n"


def _text(output: dict[str, Any]) -> str:
    """What a cell printed, or what its last expression was."""
    if output["output_type"] == "stream":
        return "".join(output["text"]).rstrip("\n")
    return "".join(output.get("data", {}).get("text/plain", []))


def _fenced(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"


def _caption(parts: list[str]) -> str:
    """What a picture is called for those who do not see it: the heading that it stands below."""
    text = "\n".join(part for part in parts if not part.startswith("```"))
    lines = [line for line in text.splitlines() if line.startswith("#")]
    return f"Figure: {lines[-1].lstrip('# ')}" if lines else "Figure"
