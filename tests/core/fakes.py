"""Fake distributions: a folder with modules and a `.dist-info`, to be put on `sys.path`."""

import pathlib


def distribution(
    root: pathlib.Path, name: str, source: str, *, version: str = "1.0", module: str | None = None
) -> None:
    """Write a distribution whose only entry point `name` is the module with this source."""
    module = module or name.replace("-", "_")
    (root / f"{module}.py").write_text(source)
    info = root / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[cfgrl]\n{name} = {module}\n")


def labelers(api: str = "", **targets: str) -> str:
    """Source of a plugin with these labelers; underscores in names stand for hyphens. `api` is what it declares."""
    entries = {name.replace("_", "-"): target for name, target in targets.items()}
    components = ", ".join(f"'{name}': Component('{target}', summary='a test')" for name, target in entries.items())
    declared = f"cfgrl_api = {api}" if api else ""
    head = f"from cfgrl import Component, hookimpl\n\n{declared}\n\n"
    return f"{head}@hookimpl\ndef cfgrl_labelers():\n    return {{{components}}}\n"


BROKEN = "from cfgrl import Component, hookimpl\n\nraise RuntimeError('no such\\n  luck')\n\nNAMES = ['sunken']\n"
MISSPELT = "from cfgrl import hookimpl\n\n\n@hookimpl\ndef cfgrl_labellers():\n    return {'slip': None}\n"
