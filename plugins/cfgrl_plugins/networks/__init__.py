"""Networks: what policies and critics are made of."""

from cfgrl import Component, hookimpl

cfgrl_api = 2


@hookimpl
def cfgrl_networks() -> dict[str, Component]:
    """The networks by name."""
    return {
        "mlp": Component(
            "cfgrl_plugins.networks.mlp:MLP",
            summary="fully connected layers; 4 × 512 GELU by default",
            verified="against NumPy; real run: cfgrl demo",
            docs="docs/algorithms/flow-bc.md#departures",
        ),
        "residual-mlp": Component(
            "cfgrl_plugins.networks.residual_mlp:ResidualMLP",
            summary="residual blocks with LayerNorm and dropout; 3 blocks of width 256 by default",
            paper="IDQL (arXiv 2304.10573)",
            verified="against NumPy",
            docs="docs/algorithms/idql.md#parts",
        ),
        "impala-small": Component(
            "cfgrl_plugins.networks.impala_small:ImpalaSmall",
            summary="residual convolutions that read an image once, and an MLP behind them",
            paper="IMPALA (arXiv 1802.01561), sizes of CFGRL (arXiv 2505.23458)",
            verified="against NumPy; real run on images made here",
            docs="docs/algorithms/visual.md",
        ),
    }
