"""The first page of the catalogue: everything in one line each, and where names come from."""

from cfgrl_site._family import FAMILIES
from cfgrl_site._markdown import code, plain, table
from cfgrl_site._model import Model

_INTRODUCTION = """\
All that comes with `cfgrl`: what `cfgrl list` shows, with what `cfgrl show NAME` prints. A method is a choice of a
labeler, a policy and guidance; [How to choose](../choose.md) says which fit. Each entry says how far it was verified:
*closed form* (against a solution on paper), *synthetic file*, *real run* (with its command), or *paper scale*."""
_NAMES = """\
## Where names come from

A name in a registry file or on a command line is found among the components that plugins bring; nothing in the core
knows one by name. Everything here is brought by `cfgrl` itself, in the same way as by a
[plugin of your own](../plugins.md), and the [plugin directory](../directory.md) lists others. On your machine

```console
$ cfgrl list
$ cfgrl plugins
```

show what is installed, and what did not load, with the reason. A name that two packages give belongs to neither until
`disable` in a [registry file](../registry.md#registry-files) settles it. Presets come from the packaged registry file,
from those of plugins, and from yours; a later one may extend or hide an earlier one of the same name."""


def page(model: Model) -> str:
    """The page, as Markdown."""
    parts = ["# Catalogue", _INTRODUCTION]
    for family, about in FAMILIES.items():
        rows = [
            (f"[{code(s.name)}]({family}.md#{s.name})", plain(s.details["summary"]))
            for s in model.components[family].values()
        ]
        parts += [f"## [{about.title}]({family}.md)", table(("Name", "What it is"), rows)]
    rows = [(f"[{code(name)}](presets.md#{name})", plain(p.details["summary"])) for name, p in model.presets.items()]
    parts += ["## [Presets](presets.md)", table(("Name", "What it is"), rows), _NAMES]
    return "\n\n".join(parts) + "\n"


def parts_table(model: Model) -> str:
    """The three parts with their questions and all components: for the page of the concepts."""
    questions = {
        "labelers": ("Labeler", "What does this transition demonstrate? It states facts."),
        "policies": ("Policy", "How are actions generated?"),
        "guidance": ("Guidance", "What is done about the facts: which loss in training, which sampler when acting?"),
    }
    rows = [
        (f"**[{name}](catalogue/{family}.md)**", question, ", ".join(map(code, model.components[family])))
        for family, (name, question) in questions.items()
    ]
    return table(("Part", "Question", "To choose from"), rows)
