"""The generated pages: all that is registered is in them and explained, and what they say is so."""

import dataclasses
import functools
import importlib
import itertools
import pathlib
import re
import sys
import tomllib
from typing import Any

import pytest

import cfgrl
from cfgrl.catalogue._catalogue import load_catalogue
from cfgrl.catalogue._component import BUILT_IN as FAMILIES
from cfgrl.config._build import build_component
from cfgrl.config._registry import load_registries
from cfgrl.plugin._rules import RULES
from cfgrl.testing._suite import every_check

ROOT = pathlib.Path(__file__).parents[1]
#: Where a component's own keys stand in a preset.
PREFIX = {
    "labelers": "labeler",
    "policies": "policy",
    "guidance": "guidance",
    "networks": "policy.network",
    "datasets": "dataset",
    "events": "guidance.event",
}
sys.path.insert(0, str(ROOT / "docs" / "_site"))
site: Any = importlib.import_module("cfgrl_site")


def components() -> list[tuple[str, str, Any]]:
    catalogue = load_catalogue()
    return [
        (family, name, entry.component)
        for family in FAMILIES
        for name, entry in catalogue.entries(family).items()
        if entry.plugin.distribution == "cfgrl"
    ]


@functools.cache
def generated() -> dict[str, str]:
    """The generated pages, pictures left out."""
    return {name: page for name, page in site.generated(ROOT).items() if isinstance(page, str)}


def section(family: str, name: str) -> str:
    """What the generated page of a family says about one component."""
    return generated()[f"catalogue/{family}.md"].split(f"\n## `{name}`\n")[1].split("\n## ")[0]


def place_exists(place: str) -> bool:
    """Whether a path such as `docs/results.md#images` names a page and, on it, a heading."""
    path, _, anchor = place.partition("#")
    return (ROOT / path).is_file() and (not anchor or anchor in site.headings(ROOT / path))


@pytest.mark.parametrize(("family", "name"), [(family, name) for family, name, _ in components()])
def test_every_component_is_documented(family: str, name: str) -> None:
    text = generated()[f"catalogue/{family}.md"]
    assert f"| [`{name}`](#{name}) |" in text
    assert f"| [`{name}`]({family}.md#{name}) |" in generated()["catalogue/index.md"]
    assert "- **Verified:** " in section(family, name)


@pytest.mark.parametrize(("family", "name", "component"), components())
def test_every_key_of_a_component_is_documented(family: str, name: str, component: Any) -> None:
    for field in dataclasses.fields(component.load()):
        key = f"{PREFIX[family]}.{field.name}"
        row = next((line for line in section(family, name).splitlines() if line.startswith(f"| `{key}` |")), "")
        assert row, f"{key} has no row"
        assert not row.endswith("|  |"), f"{key} is not explained below **Arguments:** of {component.target}"


@pytest.mark.parametrize(("family", "name", "component"), components())
def test_a_component_names_a_page_that_explains_it(family: str, name: str, component: Any) -> None:
    assert component.docs and place_exists(component.docs), f"{family}/{name}: {component.docs}"


def test_every_preset_is_documented() -> None:
    text = generated()["catalogue/presets.md"]
    presets = load_registries(ROOT / "registry.toml").layers[0].presets
    assert {"flow-bc", "flow-gcbc", "cfgrl-goal", "cfgrl-offline", "demo"} <= set(presets)
    for name, preset in presets.items():
        assert f"\n## `{name}`\n" in text and f"$ cfgrl train {name}\n" in text
        assert preset.docs and place_exists(preset.docs), f"{name}: {preset.docs}"
        assert f"`{name}`" in (ROOT / preset.docs.partition("#")[0]).read_text()
        assert preset.results is None or place_exists(preset.results), f"{name}: {preset.results}"


def test_no_component_is_registered_that_the_pages_do_not_show() -> None:
    shown = {(family, name) for family in FAMILIES for name in headings(generated()[f"catalogue/{family}.md"])}
    assert shown == {(family, name) for family, name, _ in components()}


def headings(page: str) -> list[str]:
    return re.findall(r"^## `([a-z0-9-]+)`$", page, re.M)


def test_the_keys_of_a_preset_are_those_of_its_file() -> None:
    presets = load_registries(ROOT / "registry.toml").layers[0].presets
    page = generated()["catalogue/presets.md"]
    for name, preset in presets.items():
        keys = page.split(f"\n## `{name}`\n")[1].split("```toml\n")[1].split("```")[0]
        assert tomllib.loads(keys) == preset.table.values


def test_every_check_is_shown() -> None:
    page = generated()["checks.md"]
    checks = {check.name for checks in every_check().values() for check in checks} | {rule.__name__ for rule in RULES}
    assert len(checks) > 40
    assert [name for name in checks if page.count(f"| `{name}` |") == 0] == []


def test_a_component_names_the_presets_that_it_is_a_part_of() -> None:
    assert "[`idql`](presets.md#idql)" in section("networks", "residual-mlp")
    assert "[`cfgrl-hierarchical`](presets.md#cfgrl-hierarchical)" in section("labelers", "subgoals")
    assert "[`diffusion-ql`](presets.md#diffusion-ql)" in section("guidance", "q-gradient")


def test_capabilities_that_depend_on_a_key_are_said() -> None:
    assert '- **Needs:** `field`, `goal`; with `guidance.event.use = "binary"`: `advantage`, `field`' in section(
        "guidance", "cfg"
    )
    assert '; with `labeler.goals.use = "goals"`: `advantage`, `critic`, `goal`' in section("labelers", "iql")
    assert "- **Dial:** w, 3 by default" in section("guidance", "cfg")
    assert "- **Dial:** the dial of `inner`" in section("guidance", "best-of-n")
    assert "- **Dial:** none" in section("guidance", "awr")


def test_what_the_tables_say_fits_is_what_a_stage_accepts() -> None:
    fits, model = part("_fits"), part("_build")._read(ROOT)
    labelers, policies = (fits._variants(model, family) for family in ("labelers", "policies"))
    guidance = fits.guidance(model, "labeler") + fits.guidance(model, "policy")
    said, accepted = [], []
    for one, with_labeler, with_policy in itertools.product(guidance, labelers, policies):
        cells = (fits.fit(one[1], with_labeler[1], "labeler"), fits.fit(one[1], with_policy[1], "policy"))
        said.append(cells == ("fits", "fits"))
        accepted.append(stands(*map(built, (with_labeler, with_policy, one))))
    assert said == accepted
    assert any(said) and not all(said)


def built(named: Any) -> Any:
    """The component of a row or column, with the key that its name shows."""
    shown, variant = named
    return build_component(load_catalogue(), shown.family, shown.name, tomllib.loads(variant.short))


def stands(*parts: Any) -> bool:
    try:
        cfgrl.Stage(*parts)
    except cfgrl.ConfigError:
        return False
    return True


def part(module: str) -> Any:
    return importlib.import_module(f"cfgrl_site.{module}")
