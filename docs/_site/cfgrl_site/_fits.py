"""Which parts fit, as tables made of their capabilities: for the page on how to choose."""

from cfgrl_site import _capabilities
from cfgrl_site._capabilities import Variant, distinct, missing
from cfgrl_site._markdown import code, codes, table
from cfgrl_site._model import Model, Shown

Named = list[tuple[Shown, Variant]]


def providers_table(model: Model, family: str) -> str:
    """What each labeler or policy provides."""
    rows = [(_name(shown, variant), codes(variant.capabilities)) for shown, variant in _variants(model, family)]
    return table(("Labeler" if family == "labelers" else "Policy", "Provides"), rows)


def fits_table(model: Model, family: str) -> str:
    """Each guidance against each labeler or policy: whether they fit, or what is missing."""
    part = {"labelers": "labeler", "policies": "policy"}[family]
    columns = _variants(model, family)
    rows = [
        [_name(shown, variant), *(fit(variant, column, part) for _, column in columns)]
        for shown, variant in guidance(model, part)
    ]
    return table(["", *(_name(*column) for column in columns)], rows)


def guidance(model: Model, part: str) -> Named:
    """Every guidance, more than once where a key changes what it needs of that part."""
    found = []
    for shown in model.components["guidance"].values():
        found += [(shown, variant) for variant in distinct(_of(model, shown), part)]
    return found


def fit(needing: Variant, providing: Variant, part: str) -> str:
    """One cell."""
    lacking = missing(needing.capabilities, providing.capabilities, part)
    return "fits" if not lacking else "no " + ", ".join(map(code, lacking))


def _variants(model: Model, family: str) -> Named:
    return [(shown, v) for shown in model.components[family].values() for v in _of(model, shown)]


def _of(model: Model, shown: Shown) -> list[Variant]:
    return _capabilities.variants(shown.family, shown.component, model.registered())


def _name(shown: Shown, variant: Variant) -> str:
    name = f"[{code(shown.name)}](catalogue/{shown.family}.md#{shown.name})"
    return f"{name}, {code(variant.short)}" if variant.short else name
