"""Checks of a package as a whole: metadata, hooks, names, imports, presets."""

import inspect
import json
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from cfgrl._errors import CfgrlError
from cfgrl.catalogue._component import families, load_class, reason, singular
from cfgrl.catalogue._hooks import PLUGIN_API
from cfgrl.catalogue._plugins import canonical
from cfgrl.config._build import build_agent, build_dataset
from cfgrl.plugin._package import Package

#: What a module of hooks must not import: every command waits for it.
HEAVY = ("jax", "equinox", "optax", "numpy", "scipy", "torch", "tensorflow", "mujoco", "gymnasium", "matplotlib")
#: Seconds that importing the hooks may take beyond importing cfgrl, on a slow machine.
_SECONDS = 1.0
_LONGEST_SUMMARY = 120

Rule = Callable[[Package], None]


def metadata_is_complete(package: Package) -> None:
    """It says in one line what it is, under which licence, and for which Python."""
    metadata = package.metadata
    absent = {
        "project.description": not metadata.get("Summary"),
        "project.license": not (metadata.get("License-Expression") or metadata.get("License") or _classified(metadata)),
        "project.requires-python": not metadata.get("Requires-Python"),
    }
    missing = [key for key, is_missing in absent.items() if is_missing]
    assert not missing, f"pyproject.toml lacks {', '.join(missing)}"


def _classified(metadata: Any) -> bool:
    return any(value.startswith("License ::") for value in metadata.get_all("Classifier") or [])


def it_requires_cfgrl(package: Package) -> None:
    """It depends on cfgrl, from a version on."""
    if canonical(package.name) == "cfgrl" or "dependencies" in (package.metadata.get_all("Dynamic") or []):
        return
    requirements = [r for r in package.metadata.get_all("Requires-Dist") or [] if "extra ==" not in r]
    ours = [r.partition(";")[0] for r in requirements if re.match(r"cfgrl\s*(?![\w.-])", r, re.IGNORECASE)]
    assert ours, "its dependencies do not name cfgrl"
    from_a_version = re.search(r">=|==|~=", ours[0])
    assert from_a_version, f"it takes any version of cfgrl: write 'cfgrl>=0.1' instead of {ours[0]!r}"


def it_brings_something(package: Package) -> None:
    """An entry point of the group `cfgrl` leads to components, families or presets."""
    assert package.plugins, "it has no entry point of the group 'cfgrl': see [project.entry-points.cfgrl]"
    if not any(plugin.failure for plugin in package.plugins):
        brings = any(plugin.components or plugin.families or plugin.presets for plugin in package.plugins)
        assert brings, "its hooks give no component, no family and no preset"


def hooks_load(package: Package) -> None:
    """Every module of hooks can be imported and answers as the hooks ask."""
    broken = [f"{plugin.module}: {plugin.failure}" for plugin in package.plugins if plugin.failure]
    assert not broken, "; ".join(broken)


def hooks_say_their_interface(package: Package) -> None:
    """Every module of hooks says for which version of the plugin interface it is written."""
    silent = [plugin.module for plugin in package.plugins if plugin.api is None and not plugin.failure]
    assert not silent, f"{', '.join(silent)} should say `cfgrl_api = {PLUGIN_API}`"


def hooks_import_nothing_heavy(package: Package) -> None:
    """Importing the hooks, which every command does, takes no time and brings in no numerical library."""
    modules = [plugin.module.partition(":")[0] for plugin in package.plugins if not plugin.failure]
    code = (
        "import json, sys, time, cfgrl, cfgrl.catalogue._component, cfgrl.catalogue._hooks\n"
        "from cfgrl import Component, hookimpl\nstart = time.perf_counter()\n"
        f"for name in {modules!r}:\n    __import__(name)\n"
        f"found = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "sys.stdout = sys.__stdout__\nprint('\\n' + json.dumps([time.perf_counter() - start, found]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"the hooks cannot be imported: {(done.stderr.strip() or '?').splitlines()[-1]}"
    seconds, heavy = json.loads(done.stdout.splitlines()[-1])
    assert not heavy, f"the hooks import {', '.join(heavy)}: name classes by `target`, and import nothing else"
    assert seconds < _SECONDS, f"importing the hooks takes {seconds:.1f} s, at every command"


def names_are_free(package: Package) -> None:
    """No other installed distribution uses the name of one of its components or presets."""
    registry, mine = package.registry, canonical(package.name)
    claimed = [
        f"the {singular(family)} '{name}' is also of "
        f"{', '.join(sorted({p.distribution for p in claimants} - {package.name})) or 'another module of its own'}"
        for family, name, claimants in registry.catalogue.conflicts()
        if mine in {canonical(p.distribution) for p in claimants}
    ]
    others = {
        name: preset.plugin.distribution if preset.plugin else "cfgrl"
        for layer in registry.layers
        for name, preset in layer.presets.items()
        if (canonical(preset.plugin.distribution) if preset.plugin else "cfgrl") != mine
    }
    claimed += [f"preset '{name}' is also of {others[name]}" for name in package.presets if name in others]
    assert not claimed, "; ".join(claimed)


def components_are_described(package: Package) -> None:
    """Each component has a summary of one short line and says how far it was verified."""
    wrong = []
    for plugin in package.plugins:
        for components in plugin.components.values():
            for name, component in components.items():
                if "\n" in component.summary or len(component.summary) > _LONGEST_SUMMARY:
                    wrong.append(f"the summary of '{name}' is no line of up to {_LONGEST_SUMMARY} characters")
                if not component.verified:
                    wrong.append(f"'{name}' does not say how far it was verified (`verified`)")
    assert not wrong, "; ".join(wrong)


def families_rest_on_abstract_classes(package: Package) -> None:
    """The base of each family that it adds can be imported and is an abstract class."""
    wrong = []
    for family in (family for plugin in package.plugins for family in plugin.families.values()):
        try:
            if not inspect.isabstract(load_class(family.base)):
                wrong.append(f"{family.base} is no abstract class: a method of it should be an `abc.abstractmethod`")
        except CfgrlError as error:
            wrong.append(str(error))
    assert not wrong, "; ".join(wrong)


def targets_are_its_own_classes(package: Package) -> None:
    """Each target can be imported, is of the family that its hook is for, and lies in the package itself."""
    tops = {plugin.module.split(".")[0].partition(":")[0] for plugin in package.plugins}
    wrong = []
    for plugin in package.plugins:
        for family, components in plugin.components.items():
            for name, component in components.items():
                try:
                    cls = component.load()
                except CfgrlError as error:
                    wrong.append(str(error))
                    continue
                base = load_class(families()[family].base)
                if not issubclass(cls, base):
                    wrong.append(f"'{name}' ({component.target}) does not derive from {base.__name__}")
                if component.target.split(".")[0].partition(":")[0] not in tops:
                    wrong.append(f"'{name}' is a class of somebody else: {component.target}")
    assert not wrong, "; ".join(wrong)


def presets_are_described(package: Package) -> None:
    """Each preset says in a line what it is, and how far it was verified."""
    wrong = [name for name, preset in package.presets.items() if not preset.summary or not preset.verified]
    assert not wrong, f"without `summary` or `verified`: {', '.join(wrong)}"


def presets_can_be_built(package: Package) -> None:
    """Each preset resolves, and its agent and its data set can be made."""
    wrong = []
    for name in package.presets:
        try:
            resolved = package.registry.resolve(name)
            build_agent(resolved)
            build_dataset(resolved)
        except CfgrlError as error:
            wrong.append(str(error))
    assert not wrong, "; ".join(wrong)


def it_has_a_readme_and_tests(package: Package) -> None:
    """A folder has a README and tests that run the checks of `cfgrl.testing`."""
    if package.root is None:
        return
    assert any(file.name.lower().startswith("readme") for file in package.root.iterdir()), "there is no README"
    files = (path for path in package.root.glob("test*/**/*.py") if path.is_file())
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in files]
    uses = re.compile(r"^\s*(from cfgrl\.testing import|import cfgrl\.testing|from cfgrl import .*\btesting\b)", re.M)
    assert any(uses.search(text) for text in texts), "no test of it uses cfgrl.testing"


RULES: tuple[Rule, ...] = (
    metadata_is_complete,
    it_requires_cfgrl,
    it_brings_something,
    hooks_load,
    hooks_say_their_interface,
    hooks_import_nothing_heavy,
    names_are_free,
    components_are_described,
    families_rest_on_abstract_classes,
    targets_are_its_own_classes,
    presets_are_described,
    presets_can_be_built,
    it_has_a_readme_and_tests,
)


def run_rules(package: Package) -> list[tuple[str, str]]:
    """The name of each rule with the sentence of its failure, empty where it holds."""
    return [(rule.__name__, _run(rule, package)) for rule in RULES]


def _run(rule: Rule, package: Any) -> str:
    try:
        rule(package)
    except (Exception, SystemExit) as error:
        text = str(error) if isinstance(error, AssertionError) else reason(error)
        return text or "fails"
    return ""
