"""The residual perceptron, registered as a network; it lives in the core beside the plain one."""

from cfgrl.nn import ResidualMLP as ResidualMLP
