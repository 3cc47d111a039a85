"""Memory for an array that is read from a file; large arrays are mapped from an unnamed temporary file."""

import os
import tempfile

import numpy as np

from cfgrl._errors import DataError
from cfgrl.files._paths import cache_folder

#: Beyond this many bytes an array is mapped from a file, so that data larger than the memory can be streamed.
LARGE = 1 << 30


def allocate(count: int, dtype: np.dtype) -> np.ndarray:
    """An array of shape `(count,)` to be filled. Raises `DataError` if there is no space for a large one."""
    if count * dtype.itemsize <= LARGE:
        return np.empty(count, dtype)
    directory = cache_folder()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        # Without a name from the start: whatever ends the process frees the space.
        with tempfile.TemporaryFile(dir=directory) as file:
            # Reserved, not only promised: a full disk is an error here, and a dead process at the first write beyond.
            os.posix_fallocate(file.fileno(), 0, count * dtype.itemsize)
            return np.memmap(file, dtype, "w+", shape=(count,))
    except OSError as error:
        size = count * dtype.itemsize / 2**30
        raise DataError(
            f"{directory} has no room for an array of {size:,.1f} GiB ({error.strerror or error}): free space, or name "
            "another folder with CFGRL_CACHE."
        ) from error
