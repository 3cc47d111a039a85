"""What the generated pages are about: the built-in components and presets, as `cfgrl show` knows them."""

import pathlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from cfgrl.catalogue._catalogue import Entry
from cfgrl.catalogue._component import BUILT_IN, Component
from cfgrl.config._layers import ABOUT, Preset
from cfgrl.config._registry import load_registries
from cfgrl.config._show import component_details, preset_details

#: Whose components and presets are shown; others that happen to be installed are in the directory.
DISTRIBUTION = "cfgrl"
#: Under which key of a preset a family's components stand.
KEY = {
    "labelers": "labeler",
    "policies": "policy",
    "guidance": "guidance",
    "events": "guidance.event",
    "networks": "policy.network",
    "datasets": "dataset",
}
_HOLDS = {
    "labeler": "labelers",
    "policy": "policies",
    "guidance": "guidance",
    "event": "events",
    "network": "networks",
    "dataset": "datasets",
}


class Shown(NamedTuple):
    """A component, with what `cfgrl show` says about it."""

    family: str
    name: str
    component: Component
    details: dict[str, Any]


class Part(NamedTuple):
    """A component in a preset: by family and name, under which key, inside of which other part's key."""

    family: str
    name: str
    key: str


class ShownPreset(NamedTuple):
    """A preset with what `cfgrl show` says about it, its parts, and its lines in the registry file."""

    name: str
    details: dict[str, Any]
    preset: Preset
    parts: list[Part]
    comment: str
    lines: str


class Model(NamedTuple):
    """All that is shown; `root` is the top of the source, `defaults` the lines that all presets start from."""

    root: pathlib.Path
    components: dict[str, dict[str, Shown]]
    presets: dict[str, ShownPreset]
    defaults: str

    def registered(self) -> dict[str, dict[str, Component]]:
        """What plugins say about each component, by family and name."""
        return {family: {s.name: s.component for s in found.values()} for family, found in self.components.items()}

    def every(self) -> Iterator[Shown]:
        """All components, family by family."""
        for family in self.components.values():
            yield from family.values()

    def users(self, shown: Shown) -> list[str]:
        """The presets that a component is a part of."""
        wanted = (shown.family, shown.name)
        return [name for name, preset in self.presets.items() if wanted in [part[:2] for part in preset.parts]]


def read(root: pathlib.Path) -> Model:
    """Ask the registry of the source at `root`."""
    registry = load_registries(root / "registry.toml")
    components = {family: _components(registry.catalogue.entries(family).values()) for family in BUILT_IN}
    text = (root / "registry.toml").read_text(encoding="utf-8").splitlines()
    presets = {}
    for name, preset in registry.layers[0].presets.items():  # In the order of the file, which tells a story.
        details = preset_details(registry, preset)
        comment, lines = _lines(text, preset.origin.line or 0)
        presets[name] = ShownPreset(name, details, preset, _parts(details["table"], components), comment, lines)
    return Model(root, components, presets, _lines(text, text.index("[defaults]") + 1)[1])


def _components(entries: Iterable[Entry]) -> dict[str, Shown]:
    """The built-in components of one family, in the order of their plugin, which tells a story too."""
    own = [entry for entry in entries if entry.plugin.distribution == DISTRIBUTION]
    own.sort(key=lambda entry: list(entry.plugin.components[entry.family]).index(entry.name))
    return {e.name: Shown(e.family, e.name, e.component, component_details(e)) for e in own}


def _parts(table: Mapping[str, Any], components: Mapping[str, Mapping[str, Shown]], path: str = "") -> list[Part]:
    """Every component that a resolved table names, in its order."""
    found: list[Part] = []
    for key, value in table.items():
        if isinstance(value, Mapping):
            here = f"{path}{key}"
            found += _component(value, here, _HOLDS.get(key, ""), components)
            if key == "stage" or path == "stage.":
                found += _parts(value, components, f"{here}.")
    return found


def _component(
    table: Mapping[str, Any], path: str, family: str, components: Mapping[str, Mapping[str, Shown]]
) -> list[Part]:
    """The component of a table with `use`, and those that it holds."""
    shown = components.get(family, {}).get(table.get("use", ""))
    if shown is None:
        return []
    found = [Part(family, shown.name, path)]
    for key, about in shown.details["keys"].items():
        if "family" in about and isinstance(table.get(key), Mapping):
            found += _component(table[key], f"{path}.{key}", about["family"], components)
    return found


def _lines(text: list[str], line: int) -> tuple[str, str]:
    """The comment above a preset's header, and the keys below it that are its configuration."""
    above = line - 1
    while above > 0 and text[above - 1].startswith("# ") and not text[above - 1].startswith("# --"):
        above -= 1
    comment = " ".join(row.removeprefix("# ").strip() for row in text[above : line - 1])
    below = next((i for i in range(line, len(text)) if not text[i].strip()), len(text))
    about = tuple(f"{key} =" for key in ABOUT)
    return comment, "\n".join(row for row in text[line:below] if not row.startswith(about))
