"""Labelers: what does this transition demonstrate?"""

from cfgrl import Component, hookimpl


@hookimpl
def cfgrl_labelers() -> dict[str, Component]:
    """The labelers by name."""
    return {
        "behaviour": Component(
            "cfgrl_plugins.labelers.behaviour:Behaviour",
            summary="imitate the logged action; no goal, no advantage",
            verified="trained at a small size in the tests",
        ),
        "goals": Component(
            "cfgrl_plugins.labelers.goals:Goals",
            summary="hindsight goals: the states that the same episode visits later",
            paper="CFGRL (arXiv 2505.23458); OGBench (arXiv 2410.20092)",
            verified="closed form of the goals' distribution; real run: cfgrl demo",
        ),
    }
