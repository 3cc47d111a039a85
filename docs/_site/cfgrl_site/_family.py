"""One page a family: each component with its text, its keys, and what else is known about it."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from cfgrl.catalogue._fields import MISSING, Field, class_fields
from cfgrl.config._describe import toml_value
from cfgrl_site import _capabilities
from cfgrl_site._docstring import take_apart
from cfgrl_site._markdown import code, codes, facts, linked, phrase, plain, sentence, table, to_page
from cfgrl_site._model import KEY, Model, Shown


class Family(NamedTuple):
    """How a family is introduced: its title, the question that it answers, and where its keys stand."""

    title: str
    question: str
    keys: str


FAMILIES = {
    "labelers": Family(
        "Labelers",
        "A labeler answers: what does this transition demonstrate? It states facts (a target to imitate, perhaps a "
        "goal, perhaps an advantage), and guidance decides what is done about them.",
        "In a hierarchy each stage has its own, below `stage.high.labeler` and `stage.low.labeler`.",
    ),
    "policies": Family(
        "Policies",
        "A policy answers: how are actions generated? Those with a `field` can be guided.",
        "In a hierarchy each stage may have its own, below `stage.high.policy` and `stage.low.policy`.",
    ),
    "guidance": Family(
        "Guidance",
        "Guidance answers: what is done about the facts? It says which loss in training and which sampler when acting.",
        "In a hierarchy each stage may have its own, below `stage.high.guidance` and `stage.low.guidance`.",
    ),
    "events": Family(
        "Events",
        "An event is what classifier-free guidance conditions on and raises the probability of: a goal, or an "
        "optimality made of the advantage. `cfg` takes those that give marks, `cfg-branches` those that give a factor.",
        "A hierarchy has them below `stage.high.guidance.event` and `stage.low.guidance.event`.",
    ),
    "networks": Family(
        "Networks",
        "What policies and critics are made of.",
        "The keys are shown for a policy's network. A critic's stand below `labeler.network`, and `network` at the top "
        "is for every part that names none of its own.",
    ),
    "datasets": Family(
        "Data sets",
        "Where transitions come from, and what a policy is judged in. [Data](../data.md) says what the files hold.",
        "`dataset.use` names one of these components, and the other keys are its own.",
    ),
}


def page(model: Model, family: str) -> str:
    """The page of a family, as Markdown."""
    about, shown = FAMILIES[family], model.components[family].values()
    where = f"catalogue/{family}.md"
    side = _capabilities.SIDE.get(family, "").capitalize()
    head = ("Name", "What it is", side) if side else ("Name", "What it is")
    rows = []
    for s in shown:
        said = dict(_capability_facts(model, s)).get(side, "").partition(" (")[0]
        rows.append((f"[{code(s.name)}](#{s.name})", plain(s.details["summary"]), said)[: len(head)])
    keys = f"Each key is written as in a registry file or on the command line. {about.keys}"
    parts = [f"# {about.title}", about.question, table(head, rows), keys]
    return "\n\n".join([*parts, *(_section(model, s, where) for s in shown)]) + "\n"


def _section(model: Model, shown: Shown, where: str) -> str:
    """What is known of one component."""
    documentation = take_apart(shown.details["doc"] or "")
    parts = [
        f"## `{shown.name}`",
        sentence(shown.details["summary"]),
        _facts(model, shown, where),
        linked(documentation.text, where, model.root),
        _keys(model, shown, documentation.arguments),
    ]
    return "\n\n".join(part for part in parts if part)


def _facts(model: Model, shown: Shown, where: str) -> str:
    details, root = shown.details, model.root
    users = ", ".join(f"[{code(name)}](presets.md#{name})" for name in model.users(shown))
    return facts(
        [
            *_capability_facts(model, shown),
            ("Explained", to_page(details["docs"], where, root)),
            ("Paper", linked(details["paper"] or "", where, root)),
            ("Verified", linked(details["verified"] or "", where, root)),
            ("Presets", users),
            ("Comes with", f"{details['distribution']} {details['version']}, as {code(details['target'])}"),
        ]
    )


def _capability_facts(model: Model, shown: Shown) -> list[tuple[str, str]]:
    """What it provides or needs, with each key that changes that; for guidance the dial."""
    if shown.family not in _capabilities.SIDE:
        return []
    first, *others = _capabilities.variants(shown.family, shown.component, model.registered())
    text = codes(first.capabilities)
    for variant in others:
        text += f"; with {code(f'{KEY[shown.family]}.{variant.short}')}: {codes(variant.capabilities)}"
    cls = shown.component.load()
    if said := _capabilities.explained(shown.family, cls):
        text += f" ({phrase(said)})"
    found = [(_capabilities.SIDE[shown.family].capitalize(), text)]
    if shown.family == "guidance":
        found.append(("Dial", phrase(_capabilities.dial(cls, shown.component.example))))
    return found


def _keys(model: Model, shown: Shown, meanings: Mapping[str, str]) -> str:
    """The table of keys."""
    fields = class_fields(shown.component.load())
    rows = []
    for name, about in (shown.details["keys"] or {}).items():
        meaning = meanings.get(name, "").replace("`None`", '`"none"`')  # A file has no null.
        said = linked(meaning, f"catalogue/{shown.family}.md", model.root)
        rows.append((code(f"{KEY[shown.family]}.{name}"), _takes(about), _default(model, fields[name]), said))
    if not rows:
        return "It has no keys."
    listed = table(("Key", "Takes", "Default", "Meaning"), rows)
    return f'<div class="keys" markdown>\n\n{listed}\n\n</div>'


def _takes(about: Mapping[str, Any]) -> str:
    """What `cfgrl show` says a key takes; words of a choice as code, a family as a link."""
    words = re.sub(r'"[^"]*"', lambda match: code(match[0]), str(about["type"]))
    if family := about.get("family"):
        title = "data sets" if family == "datasets" else family
        words = words.replace(f"one of the {family}", f"one of the [{title}]({family}.md)")
    return words


def _default(model: Model, field: Field) -> str:
    """The default in TOML's notation, a component as a table."""
    if field.default is MISSING:
        return "required"
    if field.kind == "component" and field.default is not None:
        return code(toml_value(_as_table(model, field.family, field.default)))
    return code(toml_value("none" if field.default is None else _number(field.default)))


def _number(value: Any) -> Any:
    """A default as a plain value; a traced one is as it was declared."""
    return value if isinstance(value, str | bool | int | float | list | tuple) else value.item()


def _as_table(model: Model, family: str, instance: Any) -> dict[str, Any]:
    """A component as the table that builds it: its name, and the keys that are not as its class has them."""
    known = model.components[family].items()
    name = next(name for name, shown in known if shown.component.load() is type(instance))
    changed = {
        field.name: getattr(instance, field.name)
        for field in dataclasses.fields(instance)
        if field.init and class_fields(type(instance))[field.name].default != getattr(instance, field.name)
    }
    return {"use": name, **changed}
