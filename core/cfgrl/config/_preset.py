"""`from_preset`: an agent from a registry's preset, as a Python object."""

import os
from collections.abc import Mapping
from typing import Any

from cfgrl._stage import Agent
from cfgrl.config._build import build_agent
from cfgrl.config._registry import load_registries


def from_preset(
    name: str, overrides: Mapping[str, Any] | None = None, *, registry: str | os.PathLike[str] | None = None
) -> Agent:
    """The agent that a preset describes.

        agent = cfgrl.from_preset("cfgrl-goal", {"guidance.weight": 3.0})

    **Arguments:**

    - `name`: as `cfgrl list presets` shows it.
    - `overrides`: values by dotted key, as on the command line.
    - `registry`: a registry file; if not given, the first `registry.toml` upward from the working directory.

    **Raises:** `ConfigError` listing every wrong key with the closest valid one; `PluginError` where a plugin that is
    needed did not load.
    """
    registries = load_registries(None if registry is None else os.fspath(registry))
    return build_agent(registries.resolve(name, overrides or {}))
