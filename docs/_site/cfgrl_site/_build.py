"""What the generator makes, all together."""

import functools
import pathlib
import re

from cfgrl_site import _checks, _directory, _family, _fits, _model, _notebook, _overview, _presets
from cfgrl_site._markdown import headings

#: What generated pages are made of, relative to the top of the source.
SOURCES = ("registry.toml", "core", "plugins", "CHANGELOG.md")
_MARKER = re.compile(r"^<!-- table: ([a-z ]+) -->$", re.M)


@functools.lru_cache(maxsize=1)
def _read(root: pathlib.Path) -> _model.Model:
    return _model.read(root)


def forget() -> None:
    """Read the sources anew at the next call, as a preview has to after a change."""
    _read.cache_clear()
    headings.cache_clear()


def generated(root: pathlib.Path) -> dict[str, str | bytes]:
    """Every generated file by its path in the documentation: pages as text, pictures as bytes."""
    model = _read(root)
    files: dict[str, str | bytes] = {"catalogue/index.md": _overview.page(model), _presets.WHERE: _presets.page(model)}
    files |= {f"catalogue/{family}.md": _family.page(model, family) for family in _family.FAMILIES}
    files |= {"checks.md": _checks.page(), "directory.md": _directory.page(root), "changes.md": _changes(root)}
    files |= {f"examples/{name}/README.md": _directory.example_page(root, name) for name in examples(root)}
    return files | dict(_notebook.pages(root))


def examples(root: pathlib.Path) -> dict[str, str]:
    """The title of each example's page, by the name of its folder."""
    return _directory.examples(root)


def tables(root: pathlib.Path) -> dict[str, str]:
    """The tables of hand-written pages, by their names."""
    model = _read(root)
    return {
        "parts": _overview.parts_table(model),
        "labelers": _fits.providers_table(model, "labelers"),
        "policies": _fits.providers_table(model, "policies"),
        "guidance and labelers": _fits.fits_table(model, "labelers"),
        "guidance and policies": _fits.fits_table(model, "policies"),
    }


def fill(markdown: str, root: pathlib.Path) -> str:
    """A hand-written page with each line `<!-- table: NAME -->` replaced; raises `KeyError` for an unknown name."""
    return _MARKER.sub(lambda match: tables(root)[match[1]], markdown)


def _changes(root: pathlib.Path) -> str:
    """The change log, with links as a page of the documentation has them."""
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    return re.sub(r"\]\(docs/", "](", text).replace("# Changelog", "# Changes", 1)
