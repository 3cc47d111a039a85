"""Policies: how are actions generated?"""

from cfgrl import Component, hookimpl

cfgrl_api = 2


@hookimpl
def cfgrl_policies() -> dict[str, Component]:
    """The policies by name."""
    return {
        "flow-matching": Component(
            "cfgrl_plugins.policies.flow_matching:FlowMatching",
            summary="a velocity field carries Gaussian noise to actions in Euler steps; can be guided",
            paper="Flow matching (arXiv 2210.02747)",
            verified="closed form on Gaussians, densities too; real run: cfgrl demo",
            docs="docs/algorithms/flow-bc.md",
        ),
        "ddpm": Component(
            "cfgrl_plugins.policies.ddpm:DDPM",
            summary="diffusion: noise is predicted and removed level by level, by ddpm or ddim; can be guided",
            paper="Ho et al. (arXiv 2006.11239); Diffusion-QL (arXiv 2208.06193)",
            verified="closed form on Gaussians; loss and schedules against NumPy",
            docs="docs/algorithms/diffusion-ql.md",
        ),
        "gaussian": Component(
            "cfgrl_plugins.policies.gaussian:Gaussian",
            summary="a Gaussian with diagonal covariance; has a mode and a density, cannot be guided",
            paper="baselines GCBC and AWR of CFGRL (arXiv 2505.23458)",
            verified="against SciPy",
            docs="docs/algorithms/gaussian-cloning.md",
        ),
        "one-step": Component(
            "cfgrl_plugins.policies.one_step:OneStep",
            summary="a flow that imitates and a one-call map that follows it, to climb a critic through",
            paper="FQL (arXiv 2502.02538)",
            verified="loss against NumPy",
            docs="docs/algorithms/fql.md",
        ),
    }
