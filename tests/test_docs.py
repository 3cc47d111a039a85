"""The documentation cannot rot: everything that exists is in it, and what it shows works."""

import argparse
import contextlib
import dataclasses
import io
import json
import pathlib
import re
import shlex
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

import cfgrl
from cfgrl._component import FAMILIES
from cfgrl._optimizer import EMA, Optimizer
from cfgrl._settings import Checkpointing, Evaluation, Training
from cfgrl._view import View
from cfgrl.cli._main import build_parser
from cfgrl.config._catalogue import load_catalogue
from cfgrl.config._registry import load_registries

ROOT = pathlib.Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")])
SECTIONS = {
    "view": View,
    "optimizer": Optimizer,
    "ema": EMA,
    "train": Training,
    "checkpoint": Checkpointing,
    "eval": Evaluation,
}
#: Where a component's own keys stand in a preset.
PREFIX = {"labelers": "labeler", "policies": "policy", "guidance": "guidance", "datasets": "dataset"}

_BLOCK = re.compile(r"(?P<before><!-- compile only -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```", re.M | re.S)


def blocks(page: pathlib.Path, language: str) -> Iterator[tuple[str, bool]]:
    """The code blocks of a page in one language, each with whether it is run or only compiled."""
    for match in _BLOCK.finditer(page.read_text()):
        if match["language"] == language:
            yield match["text"], match["before"] is None


def components() -> list[tuple[str, str, Any]]:
    catalogue = load_catalogue()
    return [
        (family, name, entry.component)
        for family in FAMILIES
        for name, entry in catalogue.entries(family).items()
        if entry.plugin.distribution == "cfgrl"
    ]


def shown_commands() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        for text, _ in blocks(page, "console"):
            lines = (line[2:].split("#")[0].strip() for line in text.splitlines() if line.startswith("$ "))
            found += [(page.name, line) for line in lines if re.match(r"(\S*/)?cfgrl ", line)]
    return found


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


@pytest.mark.parametrize(("family", "name"), [(family, name) for family, name, _ in components()])
def test_every_component_is_documented(family: str, name: str) -> None:
    text = (DOCS / "catalogue.md").read_text()
    section = text.split(f"## {'Data sets' if family == 'datasets' else family.capitalize()}\n")[1].split("\n## ")[0]
    assert f"| `{name}` |" in section


@pytest.mark.parametrize(("family", "name", "component"), components())
def test_every_key_of_a_component_is_documented(family: str, name: str, component: Any) -> None:
    row = next(line for line in (DOCS / "catalogue.md").read_text().splitlines() if line.startswith(f"| `{name}` |"))
    for field in dataclasses.fields(component.load()):
        key = f"{PREFIX[family]}.{field.name}" if family in PREFIX else field.name
        assert f"`{key}`" in row, f"{key} is missing in the row of {name}"


def test_every_preset_is_documented() -> None:
    text = (DOCS / "catalogue.md").read_text().split("## Presets\n")[1]
    pages = "".join(page.read_text() for page in (DOCS / "algorithms").glob("*.md"))
    presets = load_registries(ROOT / "registry.toml").presets()
    assert {"flow-bc", "flow-gcbc", "cfgrl-goal", "cfgrl-offline", "demo"} <= set(presets)
    for name in presets:
        assert f"| `{name}` |" in text
        assert f"`{name}`" in pages


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
    from cfgrl import _hookspecs

    text = (DOCS / "plugins.md").read_text()
    hooks = [name for name in vars(_hookspecs) if name.startswith("cfgrl_")]
    assert len(hooks) >= 6
    assert all(f"| `{hook}` |" in text for hook in hooks)


def test_every_public_name_is_documented() -> None:
    text = (DOCS / "api.md").read_text()
    aliases = {"Actor", "Critic", "Field", "Metrics", "hookimpl"}
    missing = [name for name in cfgrl.__all__ if f"::: cfgrl.{name}\n" not in text + "\n" and name not in aliases]
    assert not missing


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


@pytest.mark.parametrize(("page", "command"), shown_commands())
def test_a_shown_command_parses(page: str, command: str) -> None:
    del page
    arguments = build_parser().parse_args(shlex.split(command)[1:])
    assert callable(arguments.run)


@pytest.mark.parametrize("page", [page for page in PAGES if list(blocks(page, "python"))], ids=lambda page: page.name)
def test_python_on_a_page_works(page: pathlib.Path) -> None:
    namespace: dict[str, Any] = {"__name__": page.stem}
    for text, runs in blocks(page, "python"):
        code = compile(text, str(page), "exec")
        if runs:
            exec(code, namespace)


@pytest.mark.parametrize("page", [page for page in PAGES if list(blocks(page, "toml"))], ids=lambda page: page.name)
def test_toml_on_a_page_is_valid_and_its_presets_resolve(page: pathlib.Path, tmp_path: pathlib.Path) -> None:
    for text, _ in blocks(page, "toml"):
        presets = tomllib.loads(text).get("preset", {})
        (tmp_path / "registry.toml").write_text(text)
        for name in presets:
            assert load_registries(tmp_path / "registry.toml").resolve(name, []).table["guidance"]


@pytest.mark.parametrize("path", sorted(DOCS.rglob("*.ipynb")), ids=lambda path: path.name)
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
    navigation = (ROOT / "mkdocs.yml").read_text()
    assert all(str(page.relative_to(DOCS)) in navigation for page in DOCS.rglob("*.md"))


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_links_out_of_the_root_pages_lead_somewhere(page: pathlib.Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    assert all((ROOT / link).exists() for link in links)
