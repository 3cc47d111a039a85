"""The documentation cannot rot: everything that exists is in it, and what it shows works."""

import argparse
import contextlib
import dataclasses
import importlib
import io
import json
import pathlib
import re
import shlex
import sys
import tomllib
import types
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

import cfgrl
import cfgrl.testing
from cfgrl._optimizer import EMA, Optimizer
from cfgrl.cli._main import build_parser
from cfgrl.config._registry import load_registries
from cfgrl.config._settings import Checkpointing, Evaluation, Training
from cfgrl.data._view import View

ROOT = pathlib.Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")])
#: Pages whose code needs nothing but what is installed here; the examples are packages of their own.
RUNS = [page for page in PAGES if not page.is_relative_to(DOCS / "examples")]
SECTIONS = {
    "view": View,
    "optimizer": Optimizer,
    "ema": EMA,
    "train": Training,
    "checkpoint": Checkpointing,
    "eval": Evaluation,
}
sys.path.insert(0, str(DOCS / "_site"))
site: Any = importlib.import_module("cfgrl_site")

_BLOCK = re.compile(r"(?P<before><!-- compile only -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```", re.M | re.S)


def blocks(page: pathlib.Path | str, language: str) -> Iterator[tuple[str, bool]]:
    """The code blocks of a page, or of its text, in one language, each with whether it is run or only compiled."""
    for match in _BLOCK.finditer(page if isinstance(page, str) else page.read_text()):
        if match["language"] == language:
            yield match["text"], match["before"] is None


def generated() -> dict[str, str]:
    """The generated pages, pictures left out."""
    return {name: page for name, page in site.generated(ROOT).items() if isinstance(page, str)}


def commands(page: pathlib.Path | str) -> list[str]:
    """The commands of ours that a page shows."""
    lines = [line for text, _ in blocks(page, "console") for line in text.splitlines() if line.startswith("$ ")]
    found = (line[2:].split("#")[0].strip() for line in lines)
    return [line for line in found if re.match(r"(\S*/)?cfgrl ", line)]


def parsers() -> dict[str, argparse.ArgumentParser]:
    """All subcommands by name, `data list` and its like too."""
    found: dict[str, argparse.ArgumentParser] = {}

    def walk(parser: argparse.ArgumentParser, name: str) -> None:
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for word, below in action.choices.items():
                    found[f"{name}{word}"] = below
                    walk(below, f"{name}{word} ")

    walk(build_parser(), "")
    return found


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_of_a_run_is_documented(section: str) -> None:
    text = (DOCS / "registry.md").read_text()
    for field in dataclasses.fields(SECTIONS[section]):
        assert f"| `{section}.{field.name}` |" in text


@pytest.mark.parametrize("command", parsers())
def test_every_command_and_option_is_documented(command: str) -> None:
    text = (DOCS / "commands.md").read_text()
    assert f"`cfgrl {command}" in text
    section = text.split(f"## `cfgrl {command.split()[0]}")[1].split("\n## ")[0]
    for action in parsers()[command]._actions:
        for option in set(action.option_strings) - {"-h", "--help", "--json", "--debug"}:
            assert f"`{option}" in section, f"{option} of cfgrl {command}"


def test_every_hook_is_documented() -> None:
    from cfgrl.catalogue import _hooks

    text = (DOCS / "plugins.md").read_text()
    hooks = [name for name in vars(_hooks) if name.startswith("cfgrl_")]
    assert len(hooks) >= 6
    assert all(f"| `{hook}` |" in text for hook in hooks)


def test_every_public_name_is_documented() -> None:
    text = (DOCS / "api.md").read_text() + "\n"
    names = [f"cfgrl.{name}" for name in cfgrl.__all__]
    names += [f"cfgrl.testing.{name}" for name, value in vars(cfgrl.testing).items() if is_public(name, value)]
    assert len(names) > 50
    assert [name for name in names if f"::: {name}\n" not in text and f"`{name}`" not in text] == []


def is_public(name: str, value: Any) -> bool:
    return not name.startswith("_") and not isinstance(value, types.ModuleType)


def test_every_exit_code_is_documented() -> None:
    from cfgrl import _errors

    text = (DOCS / "runs.md").read_text()
    codes = {
        error.exit_code
        for error in vars(_errors).values()
        if isinstance(error, type) and error.__module__ == "cfgrl._errors"
    }
    assert len(codes) == 8
    assert all(f"| {code} |" in text for code in codes)


@pytest.mark.parametrize(("page", "command"), [(page.name, command) for page in PAGES for command in commands(page)])
def test_a_shown_command_parses(page: str, command: str) -> None:
    del page
    assert callable(build_parser().parse_args(shlex.split(command)[1:]).run)


def test_a_command_on_a_generated_page_parses() -> None:
    found = [command for page in generated().values() for command in commands(page)]
    assert len(found) >= 20
    assert all(callable(build_parser().parse_args(shlex.split(command)[1:]).run) for command in found)


@pytest.mark.parametrize("page", [page for page in RUNS if list(blocks(page, "python"))], ids=lambda page: page.name)
def test_python_on_a_page_works(page: pathlib.Path) -> None:
    namespace: dict[str, Any] = {"__name__": page.stem}
    for text, runs in blocks(page, "python"):
        code = compile(text, str(page), "exec")
        if runs:
            exec(code, namespace)


@pytest.mark.parametrize("page", [page for page in RUNS if list(blocks(page, "toml"))], ids=lambda page: page.name)
def test_toml_on_a_page_is_valid_and_its_presets_resolve(page: pathlib.Path, tmp_path: pathlib.Path) -> None:
    for text, _ in blocks(page, "toml"):
        presets = tomllib.loads(text).get("preset", {})
        (tmp_path / "registry.toml").write_text(text)
        for name in presets:
            assert load_registries(tmp_path / "registry.toml").resolve(name, []).table["guidance"]


@pytest.mark.parametrize("path", sorted((DOCS / "notebooks").glob("*.ipynb")), ids=lambda path: path.name)
def test_a_notebook_prints_what_it_shows(path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    monkeypatch.setattr(pyplot, "show", lambda: pyplot.close("all"))
    namespace: dict[str, Any] = {"__name__": path.stem}
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    assert cells
    for cell in cells:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile("".join(cell["source"]), str(path), "exec"), namespace)
        shown = ["".join(output["text"]) for output in cell["outputs"] if output["output_type"] == "stream"]
        assert printed.getvalue() == "".join(shown)


def test_pages_of_the_documentation_are_reached_from_its_contents() -> None:
    navigation = str(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"])
    written = [page.relative_to(DOCS).as_posix() for page in RUNS if page.is_relative_to(DOCS)]
    pages = [*written, *(page for page in generated() if not page.startswith("examples/"))]
    assert [page for page in pages if f"'{page}'" not in navigation] == []


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_links_out_of_the_root_pages_lead_somewhere(page: pathlib.Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    assert all((ROOT / link).exists() for link in links)
