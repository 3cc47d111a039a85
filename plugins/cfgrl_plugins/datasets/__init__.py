"""Data sets: logged transitions, and environments to be judged in."""

from cfgrl import Component, hookimpl


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
        "bandit": Component(
            "cfgrl_plugins.datasets.bandit:Bandit",
            summary="a bandit with four modes in the plane, made in memory; its best policy is known",
            paper="Diffusion-QL (arXiv 2208.06193)",
            verified="shares and means against the paper's; real run: benchmarks/bandit.py",
        ),
    }
