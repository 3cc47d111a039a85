"""The multi-layer perceptron, registered as a network.

It lives in the core because it is also the default of components that hold a network.
"""

from cfgrl.nn import MLP as MLP
