"""The page of the presets: what each is made of, its own keys, and what is known about it."""

from cfgrl_site._markdown import code, facts, linked, plain, sentence, table, to_page
from cfgrl_site._model import Model, Part, ShownPreset

WHERE = "catalogue/presets.md"
_INTRODUCTION = """\
A preset is a named combination with its keys: `cfgrl train NAME` trains it, and `cfgrl show NAME` prints every key with
its value and the line that set it. Below each stand its own keys, as `registry.toml` has them; what is not among them
comes from the preset that it extends, from [what all start from](#what-all-start-from), or from the component.
[Presets and keys](../registry.md) says how to make one of your own."""
_DEFAULTS = """\
## What all start from

These are the `[defaults]` of the packaged file. [Presets and keys](../registry.md#keys-of-every-run) explains each."""


def page(model: Model) -> str:
    """The page, as Markdown."""
    head = ("Name", "Labeler", "Policy", "Guidance", "Page")
    rows = [_row(model, preset) for preset in model.presets.values()]
    parts = ["# Presets", _INTRODUCTION, table(head, rows), _DEFAULTS, _toml(model.defaults)]
    return "\n\n".join([*parts, *(_section(model, preset) for preset in model.presets.values())]) + "\n"


def _row(model: Model, preset: ShownPreset) -> list[str]:
    explained = to_page(preset.details["docs"], WHERE, model.root)
    parts = [_parts(preset, family) for family in ("labelers", "policies", "guidance")]
    return [f"[{code(preset.name)}](#{preset.name})", *parts, explained]


def _section(model: Model, preset: ShownPreset) -> str:
    about = [sentence(preset.details["summary"])]
    if preset.comment:
        about.append(plain(preset.comment))
    command = f"```console\n$ cfgrl train {preset.name}\n```"
    return "\n\n".join([f"## `{preset.name}`", *about, _facts(model, preset), _toml(preset.lines), command])


def _facts(model: Model, preset: ShownPreset) -> str:
    details, parts = preset.details, preset.parts
    networks = ", ".join(_network(part) for part in parts if part.family == "networks")
    extends, name = details["extends"], details["table"]["dataset"].get("name", "")
    return facts(
        [
            ("Labeler", _parts(preset, "labelers")),
            ("Policy", _parts(preset, "policies")),
            ("Guidance", _parts(preset, "guidance")),
            ("Networks", networks),
            ("Data set", _parts(preset, "datasets") + (f", {code(name)}" if name else "")),
            ("Extends", extends and f"[{code(extends)}](#{extends})"),
            ("Explained", to_page(details["docs"], WHERE, model.root)),
            ("Results", to_page(details["results"], WHERE, model.root)),
            ("Paper", linked(details["paper"] or "", WHERE, model.root)),
            ("Verified", linked(details["verified"] or "", WHERE, model.root)),
        ]
    )


def _parts(preset: ShownPreset, family: str) -> str:
    """The components of a family: of each stage, and one around another."""
    own = {"labelers": "labeler", "policies": "policy", "guidance": "guidance", "datasets": "dataset"}[family]
    by_stage: dict[str, list[Part]] = {}
    for part in preset.parts:
        keys = part.key.split(".")
        if part.family == family and own in keys:
            by_stage.setdefault(".".join(keys[: keys.index(own)]), []).append(part)
    names = [" around ".join(f"[{code(p.name)}]({family}.md#{p.name})" for p in parts) for parts in by_stage.values()]
    if len(names) > 1 and len(set(names)) == 1:
        return f"{names[0]} in both stages"
    stages = [stage.rpartition(".")[2] for stage in by_stage]
    return "; ".join(f"{stage}: {name}" if stage else name for stage, name in zip(stages, names, strict=True))


def _network(part: Part) -> str:
    """A network, and whose it is."""
    return f"[{code(part.name)}](networks.md#{part.name}) of the {part.key.split('.')[-2]}"


def _toml(lines: str) -> str:
    return f"```toml\n{lines}\n```"
