"""`cfgrl plugin new` and `cfgrl plugin check`, and that each rule of a package catches what it is meant for."""

import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Callable

import pytest

from cfgrl._errors import ConfigError, PluginError
from cfgrl.cli._plugin import _KINDS
from cfgrl.plugin._new import KINDS, new_plugin
from cfgrl.plugin._package import opened
from cfgrl.plugin._rules import RULES, run_rules


def _cfgrl(*arguments: str, cwd: pathlib.Path) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ)
    command = [sys.executable, "-m", "cfgrl", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)


@pytest.fixture
def package(tmp_path: pathlib.Path) -> pathlib.Path:
    """A package as `cfgrl plugin new` writes it."""
    new_plugin("cfgrl-near-places", "labeler", tmp_path)
    return tmp_path / "cfgrl-near-places"


def _edit(file: pathlib.Path, *changes: tuple[str, str]) -> None:
    text = file.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_in_good_style(kind: str, tmp_path: pathlib.Path) -> None:
    files = new_plugin(f"cfgrl-brand-new-{kind}", kind, tmp_path)
    assert {"pyproject.toml", "README.md", "LICENSE", "hooks.py", "registry.toml", f"{kind}.py", "test.yml"} <= {
        file.name for file in files
    }
    assert not any("{{" in file.read_text().replace("${{ matrix.python }}", "") for file in files)
    rules = ["--extend-select", "E501,W,I,B,UP,SIM,D1", "--extend-ignore", "D102,D103,D107,UP037"]
    for check in (["check", *rules], ["format", "--check"]):
        command = [sys.executable, "-m", "ruff", *check, "."]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path / f"cfgrl-brand-new-{kind}")
        assert done.returncode == 0, done.stdout


def test_new_says_what_to_do_next(tmp_path: pathlib.Path) -> None:
    done = _cfgrl("plugin", "new", "cfgrl-interval", "--dir", "here", cwd=tmp_path)
    assert done.returncode == 0 and "a guidance 'interval', a preset 'interval-demo'" in done.stdout
    assert "cfgrl plugin check ." in done.stdout and (tmp_path / "here/cfgrl-interval/src/cfgrl_interval").is_dir()
    told = json.loads(_cfgrl("plugin", "new", "cfgrl-other", "--json", cwd=tmp_path).stdout)
    assert told["path"] == "cfgrl-other" and "src/cfgrl_other/guidance.py" in told["files"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Bad_Name", "cannot be called 'Bad_Name'"),
        ("cfgrl-", "cannot be called"),
        ("3d", "begin with a letter"),
        ("../up", "cannot be called"),
        ("cfgrl-cfg", "There is a guidance 'cfg' already, of cfgrl"),
        ("numpy", "a Python module called 'numpy' already"),
        ("lambda", "a Python module called 'lambda' already"),
        ("cfgrl-true", "already means something"),
        ("cfgrl-guidance", "already means something"),
        ("cfgrl-label", "already means something"),
        ("cfgrl-plugins", "called 'cfgrl_plugins' already: choose another name."),
    ],
)
def test_a_name_that_cannot_be_used_is_refused(name: str, message: str, tmp_path: pathlib.Path) -> None:
    done = _cfgrl("plugin", "new", name, cwd=tmp_path)
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_left_alone(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "cfgrl-mine"
    folder.mkdir()
    (folder / "work").write_text("years of it")
    with pytest.raises(ConfigError, match="is there already"):
        new_plugin("cfgrl-mine", "labeler", tmp_path)
    assert [file.name for file in folder.iterdir()] == ["work"] and [f.name for f in tmp_path.iterdir()] == [
        "cfgrl-mine"
    ]


def test_a_new_package_passes(package: pathlib.Path) -> None:
    path, modules = list(sys.path), set(sys.modules)
    with opened(str(package)) as found:
        assert [message for _, message in run_rules(found)] == [""] * len(RULES)
        assert (found.name, found.version, list(found.presets)) == ("cfgrl-near-places", "0.1.0", ["near-places-demo"])
    assert sys.path == path and "PYTHONPATH" not in os.environ
    assert not any(name.startswith("cfgrl_near_places") for name in set(sys.modules) - modules)
    assert not list(package.rglob("*.dist-info")) and not list(package.rglob("*.egg-info"))


PYPROJECT, HOOKS, REGISTRY = "pyproject.toml", "src/cfgrl_near_places/hooks.py", "src/cfgrl_near_places/registry.toml"
#: Turns the presets' hook into one of families, on a class that can be made.
FAMILY = [
    ("def cfgrl_presets() -> list[pathlib.Path]:", "def cfgrl_families() -> dict[str, Family]:"),
    (
        'return [pathlib.Path(__file__).with_name("registry.toml")]',
        'return {"places": Family("cfgrl_near_places.labeler:NearPlaces", "place", "where?")}',
    ),
]
#: For each rule, how to break a package so that the rule has to say so, and what it says.
BROKEN: dict[str, tuple[str, list[tuple[str, str]], str]] = {
    "metadata_is_complete": (PYPROJECT, [("license = ", "# license = ")], "lacks project.license"),
    "it_requires_cfgrl": (PYPROJECT, [('["cfgrl>=0.1"]', '["cfgrl"]')], "any version of cfgrl"),
    "it_brings_something": (PYPROJECT, [("entry-points.cfgrl]", "entry-points.other]")], "no entry point"),
    "hooks_load": (HOOKS, [("import pathlib", "import pathlib, no_such_module")], "no_such_module"),
    "hooks_say_their_interface": (HOOKS, [("cfgrl_api = 2", "")], "should say `cfgrl_api = 2`"),
    "hooks_import_nothing_heavy": (HOOKS, [("import pathlib", "import pathlib\nimport numpy")], "import numpy"),
    "names_are_free": (HOOKS, [('"near-places": Comp', '"goals": Comp')], "the labeler 'goals' is also of cfgrl"),
    "components_are_described": (HOOKS, [('verified="its own tests",', "")], "how far it was verified"),
    "families_rest_on_abstract_classes": (
        HOOKS,
        [("import Component", "import Component, Family"), *FAMILY],
        "no abstract",
    ),
    "targets_are_its_own_classes": (HOOKS, [("labeler:NearPlaces", "labeler:Nobody")], "cannot be imported"),
    "presets_are_described": (REGISTRY, [("summary = ", "# summary = ")], "near-places-demo"),
    "presets_can_be_built": (REGISTRY, [("labeler.horizon", "labeler.horizn")], "did you mean 'horizon'"),
    "it_has_a_readme_and_tests": ("tests/test_conformance.py", [("cfgrl.testing", "nothing")], "no test of it"),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_each_rule_of_a_package_catches_its_fault(rule: str, package: pathlib.Path) -> None:
    file, changes, says = BROKEN[rule]
    _edit(package / file, *changes)
    with opened(str(package)) as found:
        assert says in dict(run_rules(found))[rule]


@pytest.mark.parametrize(
    ("file", "changes", "rule", "says"),
    [
        (HOOKS, [("cfgrl_near_places.labeler:NearPlaces", "cfgrl_plugins.labelers.goals:Goals")],
         "targets_are_its_own_classes", "a class of somebody else"),
        (HOOKS, [("def cfgrl_labelers", "def cfgrl_policies")], "targets_are_its_own_classes", "does not derive from"),
        (HOOKS, [("import Component", "import Component, Family"), *FAMILY, ("NearPlaces\", \"place", "No\", \"place")],
         "families_rest_on_abstract_classes", "cannot be imported"),
        (HOOKS, [("cfgrl_api = 2", "cfgrl_api = 3")], "hooks_load", "upgrade cfgrl"),
        (HOOKS, [("cfgrl_api = 2", "cfgrl_api = 0")], "hooks_load", "upgrade cfgrl-near-places"),
        (HOOKS, [("cfgrl_api = 2", "cfgrl_api = '1'")], "hooks_load", "must be a whole number"),
        (HOOKS, [("import pathlib", "import pathlib\nimport time\ntime.sleep(1.2)")],
         "hooks_import_nothing_heavy", "at every command"),
        (REGISTRY, [("preset.near-places-demo", "preset.demo")], "names_are_free", "preset 'demo' is also of cfgrl"),
        (PYPROJECT, [('dependencies = ["cfgrl>=0.1"]', "")], "it_requires_cfgrl", "do not name cfgrl"),
    ],
)  # fmt: skip
def test_other_faults(file: str, changes, rule: str, says: str, package: pathlib.Path) -> None:
    _edit(package / file, *changes)
    with opened(str(package)) as found:
        assert says in dict(run_rules(found))[rule]


def test_the_command_line_knows_all_kinds() -> None:
    assert tuple(KINDS) == _KINDS


def test_every_rule_has_a_planted_fault() -> None:
    assert set(BROKEN) == {rule.__name__ for rule in RULES}


def test_the_built_in_package_is_not_accused() -> None:
    with opened("cfgrl") as found:
        assert {name: message for name, message in run_rules(found) if message} == {}


@pytest.mark.parametrize(
    ("target", "make", "error", "says"),
    [
        ("no-such-thing", None, ConfigError, "There is no folder and no installed distribution 'no-such-thing'"),
        ("./nowhere", None, ConfigError, "There is nothing at .*nowhere"),
        ("./empty", lambda root: (root / "empty").mkdir(), ConfigError, "there is no pyproject.toml in it"),
        ("./bare", lambda root: _bare(root, ""), PluginError, "project.name"),
        ("./bare", lambda root: _bare(root, "not toml"), ConfigError, "not valid TOML"),
        ("./bare", lambda root: _bare(root, '[project]\nname = "../evil"'), PluginError, "project.name"),
        ("./bare", lambda root: _bare(root, '[project]\nname = "x"\nversion = "../y"'), PluginError, "project.version"),
        ("./bare", lambda root: _bare(root, '[project]\nname = "x"\ndependencies = 3'), PluginError, "dependencies"),
        (
            "./bare",
            lambda root: _bare(root, '[project]\nname="x"\nentry-points.cfgrl="y"'),
            PluginError,
            "entry-points",
        ),
    ],
)
def test_what_is_no_package(
    target: str, make: Callable | None, error: type, says: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if make is not None:
        make(tmp_path)
    with pytest.raises(error, match=says), opened(target):
        pass


def _bare(root: pathlib.Path, text: str) -> None:
    (root / "bare").mkdir()
    (root / "bare/pyproject.toml").write_text(text)


def test_the_report_of_a_component_that_fails(package: pathlib.Path) -> None:
    labeler = package / "src/cfgrl_near_places/labeler.py"
    _edit(labeler, ("- `horizon`:", "- horizon:"))
    done = _cfgrl("plugin", "check", str(package), cwd=package)
    assert (
        done.returncode == 4
        and "FAILED     documented: the docstring of NearPlaces does not explain horizon under **Arguments:**"
        in done.stdout
    )
    _edit(package / HOOKS, ('verified="its own tests",', 'verified="x", expected_failures={"documented": "later"},'))
    done = _cfgrl("plugin", "check", str(package), "--json", cwd=package)
    report = json.loads(done.stdout)
    assert done.returncode == 0 and report["counts"]["failed"] == 0 and report["counts"]["expected"] == 1
    assert sum(report["counts"].values()) >= 25 and report["distribution"] == "cfgrl-near-places"
    (part,) = [part for part in report["parts"] if part["family"] == "labelers"]
    assert {"check": "documented", "status": "expected", "message": "later"} in part["findings"]
