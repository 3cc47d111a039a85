"""`Network`: the hyperparameters of a function approximator, which builds its parameters from sizes."""

import abc
from collections.abc import Callable

from jaxtyping import Array, Float, PRNGKeyArray

from cfgrl._types import Checked


class Network(Checked):
    """A recipe for a network; policies and labelers hold one as a field, users choose it in `registry.toml`."""

    @abc.abstractmethod
    def init(
        self, in_size: int, out_size: int, *, key: PRNGKeyArray
    ) -> Callable[[Float[Array, " in_size"]], Float[Array, " out_size"]]:
        """A callable module (its arrays are the parameters) from shape `(in_size,)` to `(out_size,)`."""

    def encoder(self, shape: tuple[int, ...], *, key: PRNGKeyArray) -> Callable[[Array], Float[Array, " code"]] | None:
        """What reads an observation of `shape` before the rest of the input joins it; `None` if it joins as it is.

        Networks for images have one. It is called once for an observation, however many steps a sampler takes.
        """
        del shape, key
        return None
