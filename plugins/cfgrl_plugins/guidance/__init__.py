"""Guidance: what is done about the facts, in the loss and in the sampler?"""

from cfgrl import Component, hookimpl

cfgrl_api = 2


@hookimpl
def cfgrl_guidance() -> dict[str, Component]:
    """Guidance by name."""
    return {
        "unguided": Component(
            "cfgrl_plugins.guidance.unguided:Unguided",
            summary="imitate the labels and sample the policy as it is; no dial",
            verified="trained at a small size in the tests",
            docs="docs/algorithms/flow-bc.md",
        ),
        **_classifier_free(),
        "awr": Component(
            "cfgrl_plugins.guidance.awr:AWR",
            summary="imitation weighted by exp(A/β); no dial",
            paper="AWR (arXiv 1910.00177)",
            verified="loss against NumPy",
            docs="docs/algorithms/awr.md",
        ),
        "q-gradient": Component(
            "cfgrl_plugins.guidance.q_gradient:QGradient",
            summary="imitation minus the critic's value of the policy's own samples; no dial",
            paper="Diffusion-QL (arXiv 2208.06193); FQL (arXiv 2502.02538)",
            verified="loss against NumPy; the two-dimensional bandit",
            docs="docs/algorithms/diffusion-ql.md",
        ),
        "best-of-n": Component(
            "cfgrl_plugins.guidance.best_of_n:BestOfN",
            summary="the best of N samples of another guidance, by the critic; the dial is the other's",
            paper="IDQL (arXiv 2304.10573); Diffusion-QL (arXiv 2208.06193)",
            verified="law of the maximum and of the softmax",
            docs="docs/algorithms/idql.md",
        ),
        "energy": Component(
            "cfgrl_plugins.guidance.energy:Energy",
            summary="the critic's gradient added to another guidance's score at every step",
            paper="energy guidance (arXiv 2304.12824)",
            verified="closed form on Gaussians with a quadratic critic",
            docs="docs/algorithms/energy.md",
        ),
    }


def _classifier_free() -> dict[str, Component]:
    """Both ways to learn what is combined."""
    return {
        "cfg": Component(
            "cfgrl_plugins.guidance.cfg:CFG",
            summary="classifier-free guidance: u + w·(c − u), the event nulled at random in training",
            paper="CFGRL (arXiv 2505.23458); classifier-free guidance (arXiv 2207.12598)",
            verified="closed form on Gaussians; losses against NumPy; real run: cfgrl demo",
            docs="docs/algorithms/cfgrl-goal.md",
        ),
        "cfg-branches": Component(
            "cfgrl_plugins.guidance.cfg_branches:CFGBranches",
            summary="classifier-free guidance learned in two branches, the event's weighted by f(A)",
            paper="CFGRL (arXiv 2505.23458), ExORL form",
            verified="losses against NumPy",
            docs="docs/algorithms/cfgrl-offline.md",
        ),
    }


@hookimpl
def cfgrl_events() -> dict[str, Component]:
    """Events by name."""
    summaries = {
        "goal": ("Goal", "the goal is reached; needs no advantage"),
        "binary": ("Binary", "the advantage is at least a threshold"),
        "quantile": ("Quantile", "the advantage is in the upper share of the batch"),
        "bernoulli": ("Bernoulli", "drawn with probability σ(A/τ)"),
        "exponential": ("Exponential", "the factor min(exp(A/τ), cap), for branches only"),
        "levels": ("Levels", "which of L equal shares of the batch the advantage falls into"),
        "advantage": ("Advantage", "the number A/τ itself"),
    }
    return {
        name: Component(
            f"cfgrl_plugins.guidance.events:{cls}",
            summary=summary,
            paper="CFGRL (arXiv 2505.23458)" if name in ("goal", "binary") else None,
            verified="losses against NumPy",
            docs="docs/algorithms/cfgrl-offline.md",
        )
        for name, (cls, summary) in summaries.items()
    }
