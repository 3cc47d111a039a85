"""A run's `config.toml`: the complete configuration, and the distributions whose components it names."""

import pathlib
from typing import Any

import tomli_w

from cfgrl._errors import ConfigError
from cfgrl.catalogue._catalogue import load_catalogue
from cfgrl.config._experiment import Experiment
from cfgrl.config._layers import table_at
from cfgrl.config._migrate import migrate
from cfgrl.config._registry import Resolved
from cfgrl.config._tables import Origin
from cfgrl.config._toml import read_toml
from cfgrl.files._atomic import replace

_ABOUT = ("preset", "plugins", "disable")
_HEADER = "# The complete configuration of this run, as cfgrl wrote it. Another configuration needs another folder.\n"


def write_config(experiment: Experiment, path: pathlib.Path) -> None:
    """Write `config.toml`, whole or not at all."""
    document: dict[str, Any] = {"preset": experiment.preset}
    if experiment.disable:
        document["disable"] = list(experiment.disable)
    document |= {**experiment.table, "plugins": experiment.plugins}
    replace(path, (_HEADER + tomli_w.dumps(document)).encode())


def read_config(path: pathlib.Path | str) -> Resolved:
    """A configuration that `write_config` wrote, in this version or an earlier one.

    Raises `ConfigError` if it is missing or something else.
    """
    path = pathlib.Path(path)
    document = read_toml(path)
    preset, disable = document.values.get("preset"), document.values.get("disable", [])
    if not isinstance(preset, str) or not isinstance(disable, list):
        raise ConfigError(f"{path}: not the configuration of a run: it names no preset.")
    values = migrate({key: value for key, value in document.values.items() if key not in _ABOUT})
    table = table_at(document.lines, path, (), values)
    plugins = document.values.get("plugins", {})
    recorded = {str(name): str(version) for name, version in plugins.items()} if isinstance(plugins, dict) else {}
    catalogue = load_catalogue([entry for entry in disable if isinstance(entry, str)], recorded)
    return Resolved(preset, table.values, table.origins, catalogue, Origin(path, 1))
