"""Data sets: logged transitions, and environments to be judged in."""

from cfgrl import Component, hookimpl

cfgrl_api = 1


@hookimpl
def cfgrl_datasets() -> dict[str, Component]:
    """The data sets by name."""
    return {
        "ogbench": Component(
            "cfgrl_plugins.datasets.ogbench:OGBench",
            summary="OGBench mazes, soccer and manipulation; all but ants and humanoids can be generated offline",
            paper="OGBench (arXiv 2410.20092)",
            verified="real run: cfgrl demo",
        ),
        "d4rl": Component(
            "cfgrl_plugins.datasets.d4rl:D4RL",
            summary="D4RL's files, already downloaded; three robots can be judged in their Gymnasium successors",
            paper="D4RL (arXiv 2004.07219)",
            verified="synthetic file: written here in D4RL's form; never run on a published file",
        ),
        "minari": Component(
            "cfgrl_plugins.datasets.minari:Minari",
            summary="episodes in Minari's form, the D4RL tasks among them; environments where Gymnasium knows them",
            paper="Minari (minari.farama.org)",
            verified="synthetic file: written by Minari's own API",
        ),
        "exorl": Component(
            "cfgrl_plugins.datasets.exorl:ExORL",
            summary="ExORL's exploratory data of dm_control, with the rewards of a task; small sets can be generated",
            paper="ExORL (arXiv 2201.13425)",
            verified="synthetic file: simulated here and written in ExORL's form",
        ),
        "npz": Component(
            "cfgrl_plugins.datasets.npz:Npz",
            summary="your own episodes in an npz file, whatever its arrays are called",
            verified="synthetic file",
        ),
        "hdf5": Component(
            "cfgrl_plugins.datasets.hdf5:HDF5",
            summary="your own episodes in an HDF5 file, whatever its arrays are called",
            verified="synthetic file",
        ),
        "bandit": Component(
            "cfgrl_plugins.datasets.bandit:Bandit",
            summary="a bandit with four modes in the plane, made in memory; its best policy is known",
            paper="Diffusion-QL (arXiv 2208.06193)",
            verified="shares and means against the paper's; real run: benchmarks/bandit.py",
        ),
    }
