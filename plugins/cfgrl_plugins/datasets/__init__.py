"""Data sets: logged transitions, and environments to be judged in."""

from cfgrl import Component, hookimpl

cfgrl_api = 2

_COMPONENTS = {
    "ogbench": Component(
        "cfgrl_plugins.datasets.ogbench:OGBench",
        example={"name": "pointmaze-medium-navigate-v0"},
        summary="OGBench mazes, soccer and manipulation; all but ants and humanoids can be generated offline",
        paper="OGBench (arXiv 2410.20092)",
        verified="real run: cfgrl demo",
        docs="docs/data.md#ogbench",
    ),
    "d4rl": Component(
        "cfgrl_plugins.datasets.d4rl:D4RL",
        example={"name": "hopper-medium-v2"},
        summary="D4RL's files, already downloaded; three robots can be judged in their Gymnasium successors",
        paper="D4RL (arXiv 2004.07219)",
        verified="synthetic file: written here in D4RL's form; never run on a published file",
        docs="docs/data.md#d4rl",
    ),
    "minari": Component(
        "cfgrl_plugins.datasets.minari:Minari",
        example={"name": "mine/episodes-v0"},
        summary="episodes in Minari's form, the D4RL tasks among them; environments where Gymnasium knows them",
        paper="Minari (minari.farama.org)",
        verified="synthetic file: written by Minari's own API",
        docs="docs/data.md#minari",
    ),
    "exorl": Component(
        "cfgrl_plugins.datasets.exorl:ExORL",
        example={"name": "walker-random-run"},
        summary="ExORL's exploratory data of dm_control, with the rewards of a task; small sets can be generated",
        paper="ExORL (arXiv 2201.13425)",
        verified="synthetic file: simulated here and written in ExORL's form",
        docs="docs/data.md#exorl",
    ),
    "npz": Component(
        "cfgrl_plugins.datasets.own_file:OwnFile",
        example={"file": "mine.npz"},
        summary="your own episodes in an npz file, whatever its arrays are called",
        verified="synthetic file",
        docs="docs/data.md#your-own-files",
    ),
    "hdf5": Component(
        "cfgrl_plugins.datasets.own_file:OwnFile",
        example={"file": "mine.hdf5"},
        summary="your own episodes in an HDF5 file, whatever its arrays are called",
        verified="synthetic file",
        docs="docs/data.md#your-own-files",
    ),
    "bandit": Component(
        "cfgrl_plugins.datasets.bandit:Bandit",
        summary="a bandit with four modes in the plane, made in memory; its best policy is known",
        paper="Diffusion-QL (arXiv 2208.06193)",
        verified="shares and means against the paper's; real run: benchmarks/bandit.py",
        docs="docs/data.md#the-bandit",
    ),
}


@hookimpl
def cfgrl_datasets() -> dict[str, Component]:
    """The data sets by name."""
    return _COMPONENTS
