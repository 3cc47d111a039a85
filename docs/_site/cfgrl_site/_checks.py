"""The page of the checks that a plugin and its components pass, each with what it asks for."""

from collections.abc import Iterable

from cfgrl.plugin._rules import RULES
from cfgrl.testing._suite import every_check
from cfgrl_site._family import FAMILIES
from cfgrl_site._markdown import code, plain, table

_INTRODUCTION = """\
What [`cfgrl plugin check`](commands.md) and `cfgrl.testing` ask of a plugin. A check that does not concern a component,
because it has no dial for instance, is left out. One that a component is known to fail is announced with its reason, by
`expected_failures` of its `Component`, and is then no failure. The built-in components pass the same checks.
[Writing a plugin](plugins.md) says how to run them."""


def page() -> str:
    """The page, as Markdown."""
    by_family = {family: [(c.name, c.about) for c in checks] for family, checks in every_check().items()}
    first, *others = by_family.values()
    common = [check for check in first if all(check in checks for checks in others)]
    rules = [(rule.__name__, " ".join((rule.__doc__ or "").split())) for rule in RULES]
    parts = ["# Checks", _INTRODUCTION, "## The package", _table(rules), "## Every component", _table(common)]
    for family, checks in by_family.items():
        parts += [f"## {FAMILIES[family].title}", _table(check for check in checks if check not in common)]
    return "\n\n".join(parts) + "\n"


def _table(checks: Iterable[tuple[str, str]]) -> str:
    return table(("Check", "What it asks for"), [(code(name), plain(about)) for name, about in checks])
