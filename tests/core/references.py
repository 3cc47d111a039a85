"""NumPy in double precision, independent of the library: what losses and samplers are compared with."""

import math

import equinox as eqx
import jax
import numpy as np

_erf = np.vectorize(math.erf)


def gelu(x):
    """The tanh form, which `jax.nn.gelu` uses unless told otherwise."""
    return 0.5 * x * (1.0 + np.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3)))


ACTIVATIONS = {
    "gelu": gelu,
    "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
    "relu": lambda x: np.maximum(x, 0.0),
    "tanh": np.tanh,
}


def normalise(x, norm):
    """LayerNorm over the last axis with the parameters of an `eqx.nn.LayerNorm`."""
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + norm.eps)
    return x * np.asarray(norm.weight, np.float64) + np.asarray(norm.bias, np.float64)


def perceptron(net, x):
    """The output of an `nn.Perceptron` for rows x, shape `(batch, in)`."""
    x = np.asarray(x, np.float64)
    for i, layer in enumerate(net.layers):
        x = x @ np.asarray(layer.weight, np.float64).T + np.asarray(layer.bias, np.float64)
        if i + 1 < len(net.layers):
            if net.layer_norm == "before":
                x = normalise(x, net.norms[i])
            x = ACTIVATIONS[net.activation](x)
            if net.layer_norm == "after":
                x = normalise(x, net.norms[i])
    return x


def heads(ensemble, x):
    """Q of each head for rows x, shape `(batch, heads)`."""
    arrays, static = eqx.partition(ensemble.members, eqx.is_array)
    one = [
        eqx.combine(jax.tree.map(lambda leaf, i=i: leaf[i], arrays), static)
        for i in range(ensemble.members.layers[0].bias.shape[0])
    ]
    return np.concatenate([perceptron(member, x) for member in one], axis=1)


def phi(x):
    """The standard normal distribution function."""
    return 0.5 * (1.0 + _erf(np.asarray(x) / math.sqrt(2.0)))
