"""Every shipped preset at a small size."""

from typing import Any

import numpy as np

from cfgrl import Agent, Data, from_preset
from cfgrl.config._registry import load_registries
from cfgrl.config._tables import flatten
from cfgrl.testing._parts import example_data

REGISTRIES = load_registries()
PRESETS = sorted(REGISTRIES.presets())
#: What stands in for a large value of a key, by the key's last part.
SMALL = {"hidden": [8], "samples": 2, "every": 2, "start": 1, "batch_size": 4}
#: The number of sampling steps, but not of training.
STEPS = ("policy.steps", "policy.time_grid")


def shrunk(name: str) -> tuple[Agent, Data]:
    """A preset's agent and data that it can learn from, both small."""
    agent = from_preset(name, _overrides(name))
    return agent, _data_for(agent)


def covering() -> list[str]:
    """Some presets, in which every component is used that any preset uses: the greedy choice, in a fixed order."""

    def used(name: str) -> set[tuple[str, Any]]:
        keys = flatten(REGISTRIES.resolve(name, []).table)
        parts = {(key.split(".")[-2], value) for key, value in keys if key.endswith(".use") and key != "dataset.use"}
        return parts | {("averaged", any(key.endswith("ema.decay") for key, _ in keys))}

    wanted, chosen = set().union(*map(used, PRESETS)), []
    while wanted:
        chosen.append(max(PRESETS, key=lambda name: len(used(name) & wanted)))
        wanted -= used(chosen[-1])
    return chosen


def _overrides(name: str) -> dict[str, Any]:
    keys = dict(flatten(REGISTRIES.resolve(name, []).table))
    found: dict[str, Any] = {key: SMALL[key.split(".")[-1]] for key in keys if key.split(".")[-1] in SMALL}
    found = {key: value for key, value in found.items() if not key.startswith(("checkpoint", "eval"))}
    found |= {key: 2 for key in keys if key.endswith(STEPS)}
    if any(key == "policy.network.use" and value == "residual-mlp" for key, value in keys.items()):
        found |= {"policy.network.width": 8, "policy.network.blocks": 1}
    if keys.get("policy.network.use") == "impala-small":
        found |= {"policy.network.stacks": [2, 2], "policy.network.code": 8}
    return found


def _data_for(agent: Agent) -> Data:
    """Small data, of pictures where the view moves pictures."""
    data = example_data()
    if agent.view.augment == "none":
        return data
    pictures = np.random.default_rng(0).integers(0, 256, (data.last.shape[0], 8, 8, 3)).astype(np.uint8)
    return Data({**data.columns, "observations": pictures}, data.last, data.transitions)
