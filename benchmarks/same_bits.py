"""Whether two versions of the code give the same bits: every preset, small, trained, acting and asked for densities.

    python benchmarks/same_bits.py --write before.json      # with the one version installed
    python benchmarks/same_bits.py --compare before.json    # with the other

Uses public names and the packaged registry only, so that it runs with both. Compare on one machine.
"""

import argparse
import hashlib
import json
import os
import pathlib
import sys
from typing import Any

os.environ["PJRT_NPROC"] = "2"  # bits depend on it

import jax
import numpy as np

import cfgrl
from cfgrl.config._registry import load_registries
from cfgrl.config._tables import flatten

#: What stands in for a large value of a key, by the key's last part.
SMALL = {"hidden": [8], "samples": 2, "every": 2, "start": 1, "batch_size": 4, "width": 8, "blocks": 1}
PICTURES = {"policy.network.stacks": [2, 2], "policy.network.code": 8}
WEIGHTS = (0.0, 1.0, 3.0)


def overrides(table: dict[str, Any]) -> dict[str, Any]:
    """Small values for the large keys of a preset."""
    keys = dict(flatten(table))
    found = {k: SMALL[k.split(".")[-1]] for k in keys if k.split(".")[-1] in SMALL}
    found = {k: v for k, v in found.items() if not k.startswith(("checkpoint", "eval"))}
    found |= {k: 2 for k in keys if k.endswith(("policy.steps", "policy.time_grid"))}
    return found | (PICTURES if keys.get("policy.network.use") == "impala-small" else {})


def data_for(agent: cfgrl.Agent) -> cfgrl.Data:
    """Random episodes with goals and rewards; of pictures where the view moves pictures."""
    rng, rows = np.random.default_rng(0), 60
    pictures = agent.view.augment != "none"
    observations = rng.integers(0, 256, (rows, 8, 8, 3)).astype(np.uint8) if pictures else rng.normal(size=(rows, 3))
    terminals = np.tile([0.0] * 9 + [1.0], 6)
    goals = observations if pictures else rng.normal(size=(rows, 4))
    return cfgrl.Data.from_arrays(
        observations, rng.uniform(-0.9, 0.9, (rows, 2)), terminals, goals=goals, rewards=rng.normal(size=rows)
    )


def digest(tree: Any) -> str:
    """SHA-256 of all arrays of a pytree, in order."""
    found = hashlib.sha256()
    for leaf in jax.tree.leaves(tree):
        if isinstance(leaf, jax.Array) and jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            leaf = jax.random.key_data(leaf)
        if hasattr(leaf, "shape"):
            array = np.asarray(leaf)
            found.update(f"{array.dtype}{array.shape}".encode() + array.tobytes())
    return found.hexdigest()


def bits(name: str, table: dict[str, Any]) -> dict[str, str]:
    """Digests of a preset's state after three updates, of their metrics, of actions and of densities."""
    agent = cfgrl.from_preset(name, overrides(table))
    data = data_for(agent)
    state, chunk = cfgrl.train_chunk(agent, data, cfgrl.init(agent, data, key=jax.random.key(0)), 3)
    policy = cfgrl.Policy(agent, state, data.spec)
    shape = data.columns["observations"].shape[1:]
    observation = np.ones((3, *shape[:-1], shape[-1] * agent.view.frame_stack), data.columns["observations"].dtype)
    goals = data.columns["goals"]
    goal: dict[str, Any] = {"goal": np.ones((3, *goals.shape[1:]), goals.dtype)} if agent.takes_goal else {}
    found = {"state": digest(state), "metrics": digest(chunk.metrics)}
    for weight in WEIGHTS if agent.has_dial else (None,):
        found[f"act {weight}"] = digest(policy.act(observation, **goal, weight=weight, key=jax.random.key(1)))
        try:
            actions = np.full((3, agent.chunk * 2), 0.1)
            density = policy.log_prob(observation, actions, **goal, weight=weight, samples=4)
            found[f"density {weight}"] = digest(density)
        except cfgrl.CfgrlError as error:
            found[f"density {weight}"] = type(error).__name__
    return found


def main() -> int:
    """Write or compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--write", type=pathlib.Path)
    group.add_argument("--compare", type=pathlib.Path)
    arguments = parser.parse_args()
    registries = load_registries()
    found = {}
    for name in sorted(registries.presets()):
        found[name] = bits(name, registries.resolve(name, []).table)
        print(name, file=sys.stderr, flush=True)
    if arguments.write:
        arguments.write.write_text(json.dumps(found, indent=2) + "\n")
        return 0
    before = json.loads(arguments.compare.read_text())
    differing = [
        f"{name}: {key}" for name in before for key in before[name] if found[name].get(key) != before[name][key]
    ]
    print("\n".join(differing) or f"{len(before)} presets, {sum(map(len, before.values()))} digests: all equal")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
