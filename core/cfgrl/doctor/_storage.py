"""What lies on the disk, and what still fits."""

import contextlib
import pathlib
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any

from cfgrl._errors import PluginError
from cfgrl.doctor._finding import Finding
from cfgrl.files._paths import cache_folder

#: Bytes below which a full-size data set and a few checkpoints no longer fit.
ROOM = 2 * 1024**3


def data() -> Finding:
    """Data sets on this machine, by the folder they lie in: published and generated ones lie apart."""
    folders: dict[str, list[str]] = {}
    for name, path in _present():
        folders.setdefault(str(path.parent), []).append(name)
    if not folders:
        remedy = (
            "Make one with `cfgrl data generate pointmaze-medium-navigate-v0`, or download one with "
            "`cfgrl data get NAME`; `cfgrl demo` makes its own."
        )
        return Finding("data", "note", "no data set is on this machine", remedy, {"folders": folders})
    detail = "; ".join(f"{folder}: {', '.join(names)}" for folder, names in folders.items())
    return Finding("data", "ok", detail, facts={"folders": folders})


def _present() -> Iterator[tuple[str, pathlib.Path]]:
    from cfgrl.catalogue._catalogue import load_catalogue

    for entry in load_catalogue().entries("datasets").values():
        with contextlib.suppress(PluginError):  # `plugins` above says what is wrong with it.
            cls: Any = entry.component.load()
            for name in cls.catalogue:
                path = cls.named(name).present()
                if path is not None:
                    yield name, path


def cache() -> Finding:
    """Whether generated data can be stored."""
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        remedy = f"Make {folder} writable, or set CFGRL_CACHE to a folder that is."
        detail = f"{folder} cannot be written: {error.strerror}"
        return Finding("cache", "broken", detail, remedy, {"path": str(folder)})
    return Finding("cache", "ok", f"{folder} can be written", facts={"path": str(folder)})


def disk() -> Finding:
    """Free space where data and runs go."""
    places = {"cache": _existing(cache_folder()), "working directory": pathlib.Path.cwd()}
    free = {name: shutil.disk_usage(path).free for name, path in places.items()}
    detail = ", ".join(f"{bytes_ / 1024**3:.1f} GiB free ({name})" for name, bytes_ in free.items())
    if min(free.values()) < ROOM:
        remedy = "Free some space: a data set of a million rows and its checkpoints take up to 2 GiB."
        return Finding("disk", "note", detail, remedy, {"free": free})
    return Finding("disk", "ok", detail, facts={"free": free})


def _existing(path: pathlib.Path) -> pathlib.Path:
    while not path.exists():
        path = path.parent
    return path
