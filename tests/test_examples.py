"""The examples of plugins, installed for real into an environment of their own and used there as their READMEs say.

That environment sees the running one's packages and holds the three examples, and a fourth distribution whose hooks
cannot be imported. Nothing is downloaded: the wheels are built from copies, with the build tools that are installed.
"""

import ast
import json
import pathlib
import shutil
from typing import Any

import pytest
from users import User, environment

import cfgrl
from cfgrl import nn, testing
from cfgrl._errors import PluginError
from cfgrl.catalogue._catalogue import load_catalogue
from cfgrl.catalogue._component import BUILT_IN as FAMILIES
from cfgrl.catalogue._directory import directory, providers
from cfgrl.config._registry import load_registries

ROOT = pathlib.Path(__file__).parents[1]
EXAMPLES = ROOT / "docs" / "examples"
NAMES = ("autoguidance", "fourier", "rooms", "schedules", "winrate")
WITH_PRESETS = ("autoguidance", "fourier", "rooms")
SOURCES = sorted(EXAMPLES.rglob("*.py"))
#: What stands in an example's folder and is no part of it, left by somebody who looked into it.
LITTER = shutil.ignore_patterns("__pycache__", ".*_cache", "*.egg-info")

MAZE = "pointmaze-medium-navigate-v0"
SMALL = ("seeds=[0]", "train.steps=4", "train.log_every=2", "train.batch_size=8", "checkpoint.every=4")
TRAINED = {
    "autoguided": ("policy.strong.network.hidden=[8]", "policy.weak.network.hidden=[4]", "policy.strong.steps=2"),
    "fourier-goal": ("policy.network.network.hidden=[8]", "policy.network.features=4", "policy.steps=2"),
    "rooms": ("policy.network.hidden=[8]", "policy.steps=2", "dataset.size=10"),
}
BROKEN_HOOKS = "from cfgrl import hookimpl\n\nraise RuntimeError('the wreck of the example')\n"
BROKEN_PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "cfgrl-wreck"
version = "0.3.0"

[project.entry-points.cfgrl]
cfgrl-wreck = "cfgrl_wreck"

[tool.hatch.build.targets.wheel]
include = ["cfgrl_wreck.py"]
"""


def listing() -> set[pathlib.Path]:
    """The files of the examples, without what Python leaves beside sources when it reads them."""
    return {path for path in EXAMPLES.rglob("*") if "__pycache__" not in path.parts}


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> User:
    folder = tmp_path_factory.mktemp("user")
    before = listing()
    for name in NAMES:
        shutil.copytree(EXAMPLES / name, folder / name, ignore=LITTER)
    wreck = folder / "wreck"
    wreck.mkdir()
    (wreck / "pyproject.toml").write_text(BROKEN_PROJECT)
    (wreck / "cfgrl_wreck.py").write_text(BROKEN_HOOKS)
    user = User(environment(folder / "environment"), folder)
    user.install(*NAMES, "wreck")
    assert listing() == before, "installing wrote into the sources"
    return user


@pytest.fixture(scope="module")
def maze(user: User) -> pathlib.Path:
    folder = user.folder / "data"
    user.cfgrl("data", "generate", MAZE, "--episodes", "2", "--dir", str(folder))
    return folder


@pytest.fixture(scope="module")
def installed(user: User) -> dict[str, Any]:
    """What `cfgrl plugins` says of each distribution that brings one entry point."""
    return {plugin["distribution"]: plugin for plugin in user.json("plugins")["plugins"]}


def test_all_are_found_and_the_broken_one_says_why(installed: dict[str, Any]):
    for name in NAMES:
        about = installed[f"cfgrl-example-{name}"]
        assert about["failure"] is None and about["api"] == cfgrl.PLUGIN_API and about["version"] == "0.1.0"
        presets = ["site-packages" in path for path in about["presets"]]
        assert presets == [True] * (name in WITH_PRESETS), "the preset is that of the installed wheel"
    assert installed["cfgrl-wreck"]["failure"] == "RuntimeError: the wreck of the example"
    assert installed["cfgrl-wreck"]["version"] == "0.3.0"


def test_their_names_stand_beside_everything_built_in(user: User):
    listed = user.json("list")
    registry = load_registries(ROOT / "registry.toml")
    groups = {family: registry.catalogue.entries(family) for family in FAMILIES} | {"presets": registry.presets()}
    for group, built_in in groups.items():
        assert {name for name, about in listed[group].items() if about["distribution"] == "cfgrl"} == set(built_in)
    for example in directory():
        for group, names in example.brings.items():
            assert all(listed[group][name]["distribution"] == example.distribution for name in names)
            assert all(listed[group][name]["summary"] and listed[group][name]["verified"] for name in names)


def test_the_directory_says_what_the_examples_bring(user: User, installed: dict[str, Any]):
    entries = {listed.distribution: listed for listed in directory() if listed.home.startswith("docs/")}
    assert set(entries) == {f"cfgrl-example-{name}" for name in NAMES}
    presets = user.json("list", "presets")["presets"]
    for distribution, listed in entries.items():
        brings = {group: tuple(names) for group, names in installed[distribution]["components"].items()}
        own = tuple(name for name, about in presets.items() if about["distribution"] == distribution)
        assert (
            listed.brings == {**brings, **({"presets": own} if own else {})}
            and listed.api == installed[distribution]["api"]
        )
        assert (ROOT / listed.home / "pyproject.toml").is_file()
        assert listed.install == f"pip install ./{listed.home}"


@pytest.mark.parametrize("name", ["rooms", "autoguided", "fourier-goal"])
def test_who_has_not_installed_one_is_told_how(name: str):
    (listed,) = providers("presets", name)
    if any(plugin.distribution == listed.distribution for plugin in load_catalogue().plugins):
        pytest.skip("the example is installed here")
    with pytest.raises(PluginError, match=f"{listed.distribution} brings it; install it with `{listed.install}`"):
        load_registries(ROOT / "registry.toml").find(name)


@pytest.mark.parametrize(
    ("shown", "told"),
    [
        ("autoguidance", ["weight: number, at least 0; default 2.0", "arXiv 2406.02507", "**Arguments:**"]),
        ("strong-weak", ["strong: table with `use`, one of the policies; required"]),
        ("fourier-mlp", ["features: whole number, at least 1", "arXiv 2006.10739"]),
        ("datasets/rooms", ["size: whole number, at least 10"]),
        ("presets/rooms", ['dataset.use = "rooms"', "extends: demo"]),
        ("rooms", ['dataset.use = "rooms"', "size: whole number"]),
    ],
)
def test_show_tells_their_keys(user: User, shown: str, told: list[str]):
    text = user.cfgrl("show", shown)
    assert all(sentence in text for sentence in told), text
    assert "problem" not in text


@pytest.mark.parametrize("preset", TRAINED)
def test_a_preset_trains(user: User, maze: pathlib.Path, preset: str):
    data = () if preset == "rooms" else (f"dataset.dir={maze}",)
    run = user.folder / "runs" / preset
    told = user.json("train", preset, *SMALL, *TRAINED[preset], *data, "--run-dir", str(run))
    assert told["trained"] and told["step"] == 4
    (listed,) = providers("presets", preset)
    assert f'{listed.distribution} = "0.1.0"' in (run / "config.toml").read_text()
    if preset == "rooms":
        record = user.json("eval", str(run), "--episodes", "1", "--weights", "1,2", "--tasks", "left,through")
        assert [result["weight"] for result in record["results"]] == [1.0, 2.0]
        assert all(result["n_failed"] == 0 and result["episodes"] == 2 for result in record["results"])
        assert len(json.loads((run / "rollouts.json").read_text())["walls"]) == 6


@pytest.mark.parametrize("name", NAMES)
def test_its_own_tests_pass(user: User, name: str):
    user.run("-m", "pytest", "--quiet", cwd=user.folder / name)


@pytest.mark.parametrize("name", NAMES)
def test_its_hooks_import_nothing_heavy(user: User, name: str):
    heavy = {"jax", "equinox", "numpy", "ogbench"}
    found = user.run("-c", f"import sys, cfgrl_example_{name}.hooks; print(sorted({heavy} & set(sys.modules)))")
    assert found.strip() == "[]"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_an_example_uses_public_names_only_and_is_short(path: pathlib.Path):
    public = {
        "cfgrl": {*cfgrl.__all__, "nn", "testing"},
        "cfgrl.nn": set(vars(nn)),
        "cfgrl.testing": set(vars(testing)),
    }
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree) and len(path.read_text().splitlines()) <= 200
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported = {alias.name: set() for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            imported = {node.module: {alias.name for alias in node.names}}
        else:
            assert not (isinstance(node, ast.Attribute) and ast.unparse(node).startswith("cfgrl._"))
            continue
        for module, names in imported.items():
            assert module.split(".")[0] != "cfgrl_plugins", "the built-in plugins are no interface"
            if module.split(".")[0] == "cfgrl":
                assert module in public and names <= public[module], f"{module}: {sorted(names)}"
                assert not any(name.startswith("_") for name in names)
