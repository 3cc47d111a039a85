"""The hook of MkDocs: adds the generated pages to the site, and fills the tables of hand-written ones."""

import pathlib
from typing import Any

from cfgrl_site import SOURCES, examples, fill, forget, generated
from mkdocs.structure.files import File, InclusionLevel

ROOT = pathlib.Path(__file__).parents[2]


def on_config(config: Any) -> Any:
    """Begin anew, and name the examples below the plugin directory, since there may be any number of them."""
    forget()
    pages = [{title: f"examples/{name}/README.md"} for name, title in examples(ROOT).items()]
    for section in config.nav:
        for below in section.values():
            if pages and isinstance(below, list) and {"Plugin directory": "directory.md"} in below:
                below.append({"Examples": pages})
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add what is generated; an example's folder is excluded, and its page is not."""
    for where, content in generated(ROOT).items():
        if (existing := files.get_file_from_path(where)) is not None:
            files.remove(existing)
        file = File.generated(config, where, content=content, inclusion=InclusionLevel.INCLUDED)
        if where.endswith("/README.md"):
            file.name = "readme"  # As an index page the first example would stand for all of them in the navigation.
        files.append(file)
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Fill the tables."""
    return fill(markdown, ROOT)


def on_serve(server: Any, **_: Any) -> Any:
    """Build anew when a source of generated pages changes."""
    for source in SOURCES:
        server.watch(str(ROOT / source))
    return server
