"""The templates of all pages: one set of styles and macros, everything that is filled in escaped."""

import pathlib
from typing import Any

#: By which a page is known for our own; every page has it near its beginning.
MARK = '<meta name="generator" content="cfgrl report">'


def fill(template: str, **values: Any) -> str:
    """A template of this folder with its values; one that is missing is an error."""
    import jinja2

    loader = jinja2.FileSystemLoader(pathlib.Path(__file__).parent)
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters["tight"] = lambda text: text.replace("w = ", "w\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}")
    return environment.get_template(template).render(**values)
