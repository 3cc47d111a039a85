"""The plugin directory, and the examples that lie in the source, as pages."""

import pathlib
import re

from cfgrl.catalogue._directory import FILE, Listed, directory
from cfgrl_site._family import FAMILIES
from cfgrl_site._markdown import code, codes, facts, headings, sentence

_INTRODUCTION = """\
Packages that are known to bring components or presets. Where a preset asks for a name that is not installed, the error
names the package listed here and the command that installs it. `cfgrl` checks and downloads nothing: a plugin is its
authors' code, and installing it is your decision."""
_LISTED = """\
## How to be listed

[Write a plugin](plugins.md), let `cfgrl plugin check` pass, and add a table to `core/cfgrl/catalogue/directory.toml`:

```text
{form}
```"""


def page(root: pathlib.Path) -> str:
    """The page of the directory, as Markdown."""
    listed = [_section(root, plugin) for plugin in directory()] or ["None is listed yet."]
    return "\n\n".join(["# Plugin directory", _INTRODUCTION, *listed, _LISTED.format(form=_form())]) + "\n"


def _section(root: pathlib.Path, plugin: Listed) -> str:
    home = plugin.home
    if home.startswith("docs/examples/"):
        name = pathlib.PurePosixPath(home).name
        home = f"[an example in this source](examples/{name}/README.md)" if name in examples(root) else code(home)
    titles = {family: about.title for family, about in FAMILIES.items()} | {"presets": "Presets"}
    titles |= {group: group.capitalize() for group in plugin.brings if group not in titles}
    brings = [(title, codes(plugin.brings.get(group, ()))) for group, title in titles.items()]
    known = [(title, names) for title, names in brings if names != "nothing"]
    known += [("Home", f"<{home}>" if "://" in home else home), ("Interface", f"version {plugin.api}")]
    install = f"```console\n$ {plugin.install}\n```"
    return "\n\n".join([f"## {plugin.distribution}", sentence(plugin.summary), facts(known), install])


def _form() -> str:
    """What a table looks like, as the comment at the top of the file shows it."""
    lines = [line for line in FILE.read_text(encoding="utf-8").splitlines() if line.startswith("#     ")]
    return "\n".join(line.removeprefix("#     ") for line in lines)


def examples(root: pathlib.Path) -> dict[str, str]:
    """The title of each example with a README, by the name of its folder."""
    readmes = sorted((root / "docs" / "examples").glob("*/README.md"))
    return {readme.parent.name: next(iter(headings(readme).values()), readme.parent.name) for readme in readmes}


def example_page(root: pathlib.Path, name: str) -> str:
    """An example's README, and its modules, which the README may link to."""
    folder = root / "docs" / "examples" / name
    text = (folder / "README.md").read_text(encoding="utf-8").rstrip()
    files = [path for path in sorted(folder.rglob("*")) if path.suffix in (".py", ".toml")]
    names = [path.relative_to(folder).as_posix() for path in files]

    def link(match: re.Match[str]) -> str:
        target = match[2].removeprefix("./")
        if (folder / target).is_dir():
            return f"{match[1]}(#files)"
        return f"{match[1]}(#{anchor(target)})" if target in names else match[0]

    text = re.sub(r"(\[[^\]\n]*\])\(([^)#\s]+)\)", link, text)
    parts = [_file(name, path.read_text(encoding="utf-8")) for name, path in zip(names, files, strict=True)]
    return "\n\n".join([text, "## Files", *parts]) + "\n" if parts else f"{text}\n"


def anchor(path: str) -> str:
    """The anchor of a file's heading."""
    return "file-" + re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-")


def _file(name: str, text: str) -> str:
    language = "python" if name.endswith(".py") else "toml"
    return f"### `{name}` {{ #{anchor(name)} }}\n\n````{language}\n{text.rstrip()}\n````"
