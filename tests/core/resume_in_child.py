"""The first half of small trainings, saved: a script, so that the second half is another process's.

python resume_in_child.py FOLDER preset NAME...
python resume_in_child.py FOLDER combination LABELER+POLICY+GUIDANCE...
"""

import pathlib
import subprocess
import sys
from collections.abc import Callable, Iterable

import equinox as eqx
import jax
from combinations import combined
from shrunk import shrunk
from toys import assert_same_bits

from cfgrl import Agent, AgentState, Data, init, train_chunk
from cfgrl.runs import _checkpoint

#: Updates before the save, and after it; and the room for metrics, so that all is one program.
HALF, CAPACITY = 2, 4
KINDS: dict[str, Callable[[str], tuple[Agent, Data]]] = {"preset": shrunk, "combination": combined}


def start(agent: Agent, data: Data) -> AgentState:
    """The state before the first update."""
    return eqx.filter_jit(lambda: init(agent, data, key=jax.random.key(0)))()


def in_another_process(folder: pathlib.Path, kind: str, names: Iterable[str]) -> None:
    """Make and save the first halves of `names` in a process of their own."""
    done = subprocess.run([sys.executable, __file__, str(folder), kind, *names], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


def first_half(folder: pathlib.Path, name: str, agent: Agent, data: Data) -> None:
    """Train and save."""
    state, _ = train_chunk(agent, data, start(agent, data), HALF, capacity=CAPACITY)
    _checkpoint.save(folder / name, HALF, state, keep=1)


def second_half(folder: pathlib.Path, name: str, agent: Agent, data: Data) -> AgentState:
    """What becomes of a saved first half."""
    saved = _checkpoint.restore(folder / name, HALF, eqx.filter_eval_shape(lambda: start(agent, data)))
    return train_chunk(agent, data, saved, HALF, capacity=CAPACITY)[0]


def check(folder: pathlib.Path, name: str, agent: Agent, data: Data) -> AgentState:
    """Both halves in one call come to the bits of the saved half and another; returns them."""
    whole, chunk = train_chunk(agent, data, start(agent, data), 2 * HALF, capacity=CAPACITY)
    assert int(chunk.first_bad) == -1
    assert_same_bits(second_half(folder, name, agent, data), whole)
    return whole


if __name__ == "__main__":
    for name in sys.argv[3:]:
        first_half(pathlib.Path(sys.argv[1]), name, *KINDS[sys.argv[2]](name))
        jax.clear_caches()  # a process of many programs has too many memory maps for the compiler
