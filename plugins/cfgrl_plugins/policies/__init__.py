"""Policies: how are actions generated?"""

from cfgrl import Component, hookimpl


@hookimpl
def cfgrl_policies() -> dict[str, Component]:
    """The policies by name."""
    return {
        "flow-matching": Component(
            "cfgrl_plugins.policies.flow_matching:FlowMatching",
            summary="a velocity field carries Gaussian noise to actions in Euler steps; can be guided",
            paper="Flow matching (arXiv 2210.02747)",
            verified="closed form on Gaussians; real run: cfgrl demo",
        ),
    }
