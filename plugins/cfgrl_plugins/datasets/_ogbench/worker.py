"""A worker process of `generate`: reads seeds as lines of standard input, writes episodes to standard output.

A plain child process rather than `multiprocessing`: it does not import the caller's main module, and it ends when its
standard input does, so that a killed parent leaves nothing behind.
"""

import contextlib
import json
import os
import sys

from . import recipes


def main() -> None:
    """Serve until standard input ends; an episode is the raw bytes of its rows."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not end up between the numbers
    maker = recipes.from_text(sys.argv[1]).maker()
    with contextlib.suppress(BrokenPipeError):  # the parent is gone: there is no one to answer
        for line in sys.stdin:
            answers.write(maker.episode(json.loads(line)).tobytes())
            answers.flush()
        return
    os._exit(1)  # without flushing into the broken pipe once more


if __name__ == "__main__":
    main()
