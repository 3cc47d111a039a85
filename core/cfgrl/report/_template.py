"""The templates of all pages: one set of styles and macros, everything that is filled in escaped."""

import pathlib
from collections.abc import Sequence
from typing import Any

from cfgrl.report._figures import Picture
from cfgrl.report._style import inline_svg

#: By which a page is known for our own; every page has it near its beginning.
MARK = '<meta name="generator" content="cfgrl report">'


def fill(template: str, pictures: Sequence[Picture], **values: Any) -> str:
    """A template of this folder with its figures and values; one that is missing is an error."""
    import jinja2
    from markupsafe import Markup

    figures = [
        {"section": p.section, "caption": p.caption, "svg": Markup(inline_svg(p.draw, p.caption, p.name))}
        for p in pictures
    ]

    loader = jinja2.FileSystemLoader(pathlib.Path(__file__).parent)
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters["tight"] = lambda text: text.replace("w = ", "w\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}")
    return environment.get_template(template).render(figures=figures, **values)
