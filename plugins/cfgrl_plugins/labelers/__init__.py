"""Labelers: what does this transition demonstrate?"""

from cfgrl import Component, hookimpl

cfgrl_api = 2


@hookimpl
def cfgrl_labelers() -> dict[str, Component]:
    """The labelers by name."""
    return {
        "behaviour": Component(
            "cfgrl_plugins.labelers.behaviour:Behaviour",
            summary="imitate the logged action; no goal, no advantage",
            verified="trained at a small size in the tests",
            docs="docs/algorithms/flow-bc.md",
        ),
        "goals": Component(
            "cfgrl_plugins.labelers.goals:Goals",
            summary="hindsight goals: the states that the same episode visits later",
            paper="CFGRL (arXiv 2505.23458); OGBench (arXiv 2410.20092)",
            verified="closed form of the goals' distribution; real run: cfgrl demo",
            docs="docs/algorithms/flow-gcbc.md",
        ),
        "subgoals": Component(
            "cfgrl_plugins.labelers.subgoals:Subgoals",
            summary="the place k steps ahead on the way to a goal, for the high policy of a hierarchy",
            paper="CFGRL (arXiv 2505.23458); HIQL (arXiv 2307.11949)",
            verified="closed form of the rows it draws; trained at a small size in the tests",
            docs="docs/algorithms/hierarchical.md",
        ),
        "iql": Component(
            "cfgrl_plugins.labelers.iql:IQL",
            summary="implicit Q-learning: the advantage of each action, from rewards or for goals; a critic",
            paper="IQL (arXiv 2110.06169)",
            verified="losses against NumPy; tabular solution of a chain",
            docs="docs/algorithms/cfgrl-offline.md",
        ),
        "q-learning": Component(
            "cfgrl_plugins.labelers.q_learning:QLearning",
            summary="double Q-learning bootstrapped by the policy itself; a critic",
            paper="Diffusion-QL (arXiv 2208.06193); FQL (arXiv 2502.02538)",
            verified="losses against NumPy; tabular solution of a chain",
            docs="docs/algorithms/diffusion-ql.md",
        ),
    }
