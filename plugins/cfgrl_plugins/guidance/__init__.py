"""Guidance: what is done about the facts, in the loss and in the sampler?"""

from cfgrl import Component, hookimpl


@hookimpl
def cfgrl_guidance() -> dict[str, Component]:
    """Guidance by name."""
    return {
        "unguided": Component(
            "cfgrl_plugins.guidance.unguided:Unguided",
            summary="imitate the labels and sample the policy as it is; no dial",
            verified="trained at a small size in the tests",
        ),
        "cfg": Component(
            "cfgrl_plugins.guidance.cfg:CFG",
            summary="classifier-free guidance: u + w·(c − u), the goal nulled at random in training",
            paper="CFGRL (arXiv 2505.23458); classifier-free guidance (arXiv 2207.12598)",
            verified="closed form on Gaussians; real run: cfgrl demo",
        ),
    }
