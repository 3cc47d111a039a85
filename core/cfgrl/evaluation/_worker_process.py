"""A worker process: plays the rounds that it is asked for over a pipe, and never outlives the process that asks."""

import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any

from cfgrl._errors import CfgrlError, DataError
from cfgrl.evaluation._episode import Episode
from cfgrl.evaluation._heartbeat import Heartbeat
from cfgrl.evaluation._vector_environment import VectorEnvironment

#: `prctl(2)`: the signal that this process gets when the thread that started it ends.
_PR_SET_PDEATHSIG = 1


def serve(
    pipe: Connection,
    cell: Any,
    make_arena: Callable[..., VectorEnvironment],
    episodes: Sequence[Episode],
    furnished: bool,
) -> None:
    """A worker's whole life. Signals to the group are the parent's to answer; its closed pipe ends this process.

    **Arguments:**

    - `pipe`: brings actions, takes rounds, or the exception that ended this process.
    - `cell`: shared memory for the heartbeat.
    - `make_arena`: makes the vector of `episodes`.
    - `furnished`: as in `VectorEnvironment`.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    _die_with_parent()
    try:
        vector = make_arena(episodes, heartbeat=Heartbeat(cell), furnished=furnished)
        pipe.send(vector.begin())
        while True:
            pipe.send(vector.step(pipe.recv()))
    except (EOFError, ConnectionError):
        pass
    except Exception as error:
        with contextlib.suppress(ConnectionError):
            pipe.send(error if isinstance(error, CfgrlError) else DataError(f"{type(error).__name__}: {error}"))


def _die_with_parent() -> None:
    """Have the kernel kill this process when its parent is gone, whatever an environment is doing then.

    The closed pipe is noticed between two rounds only, and a thread that watches the parent would never run while C
    code holds the interpreter's lock. Where there is no `prctl`, the closed pipe has to do.
    """
    parent = multiprocessing.parent_process()
    if sys.platform == "linux" and parent is not None:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
        if os.getppid() != parent.pid:  # it was gone before
            os._exit(1)
