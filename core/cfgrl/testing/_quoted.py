"""An exception of a component as one sentence: what, and in which line of its own file."""

import inspect
import pathlib
import traceback
from typing import Any

from cfgrl.catalogue._component import reason


def quoted(error: BaseException, component: Any) -> str:
    """The type and message of an exception without line breaks, and the component's line that raised it."""
    chain = error
    while chain.__cause__ is not None:  # What a check wrapped in a sentence was raised further in.
        chain = chain.__cause__
    try:
        own = pathlib.Path(inspect.getfile(type(component)))
    except (TypeError, OSError):
        return reason(error)
    lines = [frame for frame in traceback.extract_tb(chain.__traceback__) if pathlib.Path(frame.filename) == own]
    where = f" (at {own.name}:{lines[-1].lineno}: {lines[-1].line})" if lines else ""
    return f"{reason(error, 240)}{where}"
