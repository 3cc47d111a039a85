"""Downloading a data set: whole or not at all, once, and with its digest recorded.

OGBench's own downloader accepts a truncated body and writes to one fixed temporary name; this one does neither.
"""

import contextlib
import http.client
import pathlib
import shutil
import sys
import urllib.error
import urllib.request
import zipfile

from cfgrl import DataError

from .. import _files as files
from . import locate

_CHUNK = 1 << 20
_TIMEOUT = 30.0  # seconds without a byte


def download(file: str, directory: pathlib.Path, base_url: str) -> pathlib.Path:
    """Download the training and validation files of `file` unless they are there.

    **Arguments:**

    - `file`: the data set's file name without `.npz`.
    - `directory`: where to.
    - `base_url`: the folder on the server that holds the files.

    **Returns:** the training file.

    **Raises:** `DataError` in one sentence where the server cannot be reached or what it sends is not whole.
    """
    training, validation, record_path = locate.paths(directory, file)
    with files.locked(directory, file), contextlib.ExitStack() as stack:
        missing = [path for path in (validation, training) if not path.exists()]
        if not missing:
            print(f"{training} is already there; nothing to do.", file=sys.stderr)
            return training
        record = locate.read_record(record_path)
        if record is not None and record.get("origin") == "generated":
            raise DataError(f"{record_path} says that {file} was generated there: choose another folder with --dir.")
        received = {path: stack.enter_context(files.temporary(directory, file)) for path in missing}
        for path, temporary in received.items():
            _receive(f"{base_url.rstrip('/')}/{path.name}", temporary, directory)
        whole = {path: received.get(path, path) for path in (training, validation)}
        about = {"origin": "published", "name": file, "url": base_url, "files": files.summaries(whole)}
        files.put_in_place(record_path, about, received)
    return training


def _receive(url: str, target: pathlib.Path, directory: pathlib.Path) -> None:
    """Fetch one file and see that it is whole: as long as the server says, and an archive with a directory."""
    name = url.rsplit("/", 1)[1]
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT) as response:
            promised = response.headers.get("Content-Length")
            _check_room(name, int(promised or 0), directory)
            with open(target, "wb") as file:
                received = _copy(response, file, name, int(promised or 0))
    except urllib.error.HTTPError as error:
        error.close()
        raise DataError(f"{url} cannot be downloaded: the server answered {error.code} {error.reason}.") from None
    except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise DataError(
            f"{name} is not in {directory}, and {url} cannot be reached ({reason}): connect this machine to a network, "
            f"or copy {name} into that folder from a machine that is."
        ) from None
    if promised is not None and received != int(promised):
        raise DataError(f"{url} ended after {received:,} of {int(promised):,} bytes; nothing was kept: run this again.")
    if not zipfile.is_zipfile(target):
        raise DataError(f"{url} did not answer with an npz file; nothing was kept: check the address.")


def _check_room(name: str, size: int, directory: pathlib.Path) -> None:
    free = shutil.disk_usage(directory).free
    if size > free:
        raise DataError(f"{name} takes {size:,} bytes, and {directory} has {free:,} free: make room or use --dir.")


def _copy(response: http.client.HTTPResponse, file, name: str, promised: int) -> int:
    """Copy the body with a progress line; returns the number of bytes."""
    received, shown = 0, -1
    terminal = sys.stderr.isatty()
    while chunk := response.read(_CHUNK):
        file.write(chunk)
        received += len(chunk)
        percent = 100 * received // promised if promised else 0
        if promised and percent // (1 if terminal else 25) > shown:
            shown = percent // (1 if terminal else 25)
            start, end = ("\r\x1b[K", "\n" if received >= promised else "") if terminal else ("", "\n")
            text = f"{name}: {received / 1e6:,.1f} of {promised / 1e6:,.1f} MB"
            print(f"{start}{text}", end=end, file=sys.stderr, flush=True)
    return received
