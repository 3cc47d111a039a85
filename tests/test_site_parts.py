"""How pages are generated: docstrings, links, notebooks, examples and the directory become Markdown."""

import importlib
import pathlib
import re
import sys
from typing import Any

import pytest

from cfgrl.catalogue._directory import directory

ROOT = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs" / "_site"))
site: Any = importlib.import_module("cfgrl_site")


def part(module: str) -> Any:
    return importlib.import_module(f"cfgrl_site.{module}")


def test_a_docstring_is_taken_apart() -> None:
    said = part("_docstring").take_apart(
        "One.\n\n**Arguments:**\n\n- `a`, `b` (β): first,\n  still.\n- `c`: x: y.\n\nEnd."
    )
    assert said.text == "One.\n\nEnd."
    assert said.arguments == {"a": "first, still.", "b": "first, still.", "c": "x: y."}
    assert part("_docstring").take_apart("One.").arguments == {}


def test_signs_of_a_docstring_mean_themselves() -> None:
    markdown = part("_markdown")
    assert markdown.plain("∇_x of `a_b` < 1") == "∇\\_x of `a_b` \\< 1"
    assert markdown.table(["a"], [["|Q| `x|y`"]]).splitlines()[-1] == "| \\|Q\\| `x|y` |"
    assert markdown.linked("X (arXiv 2505.23458), docs/data.md#d4rl", "catalogue/a.md", ROOT) == (
        "X ([arXiv 2505.23458](https://arxiv.org/abs/2505.23458)), [Data: D4RL](../data.md#d4rl)"
    )


def test_a_page_that_is_not_there_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        part("_markdown").to_page("docs/nothing.md", "a.md", ROOT)
    # A heading that is not there becomes a link that the strict build refuses.
    assert part("_markdown").to_page("docs/data.md#nothing", "a.md", ROOT) == "[Data: nothing](data.md#nothing)"


def test_tables_of_hand_written_pages_are_filled() -> None:
    pages = (page.read_text() for page in (ROOT / "docs").glob("*.md"))
    found = {name for page in pages for name in re.findall(r"<!-- table: (.*?) -->", page)}
    assert found == set(site.tables(ROOT))
    assert "| **[Guidance](catalogue/guidance.md)** |" in site.fill("a\n\n<!-- table: parts -->\n", ROOT)
    with pytest.raises(KeyError):
        site.fill("<!-- table: nothing -->", ROOT)


def test_a_notebook_becomes_a_page_and_pictures() -> None:
    png = {"data": {"image/png": "AAEC"}, "output_type": "display_data"}
    printed = {"output_type": "stream", "text": ["1\n", "2\n"]}
    code = {"cell_type": "code", "source": ["print(1)\n", "print(2)"], "outputs": [printed, png]}
    cells = [{"cell_type": "markdown", "source": ["# T\n", "\n", "Text."]}, code]
    (picture, content), (name, page) = part("_notebook").convert("notebooks/t.ipynb", {"cells": cells})
    assert (picture, content, name) == ("notebooks/t-1.png", b"\x00\x01\x02", "notebooks/t.md")
    assert page.startswith("# T\n\nText.\n\n[Download this notebook](t.ipynb)")
    assert "```python\nprint(1)\nprint(2)\n```\n\n```{ .text .output }\n1\n2\n```\n\n![Figure: T](t-1.png)" in page


def test_an_example_becomes_a_page(tmp_path: pathlib.Path) -> None:
    directory, folder = part("_directory"), tmp_path / "docs" / "examples" / "mine"
    assert directory.examples(tmp_path) == {}
    (folder / "src").mkdir(parents=True)
    (folder / "README.md").write_text("# Mine\n\nSee [it](src/it.py), [all](src) and [more](../../plugins.md).\n")
    (folder / "src" / "it.py").write_text('"""It."""\n')
    assert directory.examples(tmp_path) == {"mine": "Mine"}
    page = directory.example_page(tmp_path, "mine")
    assert "See [it](#file-src-it-py), [all](#files) and [more](../../plugins.md)." in page
    assert page.endswith('### `src/it.py` { #file-src-it-py }\n\n````python\n"""It."""\n````\n')


def test_the_directory_lists_every_plugin_that_is_known() -> None:
    page = site.generated(ROOT)["directory.md"]
    assert all(f"\n## {listed.distribution}\n" in page and f"$ {listed.install}" in page for listed in directory())
    assert "[plugin.NAME-OF-THE-DISTRIBUTION]" in page


def test_the_build_is_strict() -> None:
    # With --quiet MkDocs drops warnings before it counts them, and then nothing is an error.
    line = next(line for line in (ROOT / "Makefile").read_text().splitlines() if "mkdocs build" in line)
    assert "--strict" in line and "--quiet" not in line and " -q" not in line
