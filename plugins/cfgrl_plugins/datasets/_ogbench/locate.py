"""Where data sets lie, and where each file came from.

Published files are in OGBench's own folder, generated ones in the user's cache: neither takes the other's place.
Beside a file that cfgrl made or downloaded lies `NAME.json`, which says how and holds the files' digests.
"""

import pathlib
from typing import Any

from cfgrl import DataError

from .. import _files as files

#: Where OGBench's own downloader puts files.
PUBLISHED = "~/.ogbench/data"


def published_directory() -> pathlib.Path:
    """The folder that OGBench's own downloader uses."""
    return pathlib.Path(PUBLISHED).expanduser()


def generated_directory() -> pathlib.Path:
    """The folder for generated files."""
    return files.generated_folder("ogbench")


def paths(directory: pathlib.Path, file: str) -> tuple[pathlib.Path, pathlib.Path, pathlib.Path]:
    """The training file, the validation file and the record of the data set `file` in `directory`."""
    return directory / f"{file}.npz", directory / f"{file}-val.npz", directory / f"{file}.json"


def find(file: str, directory: str | None) -> pathlib.Path | None:
    """The training file, or `None`; `directory` is the only place looked at where it is given."""
    for place in _places(directory):
        if (place / f"{file}.npz").is_file():
            return place / f"{file}.npz"
    return None


def require(file: str, directory: str | None, *, can_generate: bool) -> tuple[pathlib.Path, pathlib.Path]:
    """The training and validation files. Raises `DataError` that says where it looked and what to do."""
    places = _places(directory)
    found = find(file, directory)
    option = f" --dir {directory}" if directory else ""
    ways = [f"make it on this machine with `cfgrl data generate {file}{option}`"] if can_generate else []
    ways.append(f"download it with `cfgrl data get {file}{option}`")
    if found is None:
        looked = " or ".join(str(place) for place in places)
        raise DataError(f"There is no {file}.npz in {looked}: {', or '.join(ways)}.")
    validation = found.with_name(f"{file}-val.npz")
    if not validation.is_file():
        raise DataError(f"{validation} is missing beside {found.name}: {', or '.join(ways)}.")
    return found, validation


def _places(directory: str | None) -> tuple[pathlib.Path, ...]:
    if directory is not None:
        return (pathlib.Path(directory).expanduser(),)
    return published_directory(), generated_directory()


def read_record(path: pathlib.Path) -> dict[str, Any] | None:
    """Read `NAME.json`; `None` if it is missing or no record."""
    record = files.read_record(path)
    sound = record is not None and isinstance(record.get("files"), dict) and isinstance(record.get("origin", ""), str)
    return record if sound else None


def matches(record: dict[str, Any], path: pathlib.Path) -> bool:
    """Whether `path` is the file that the record speaks of, byte for byte."""
    said = record["files"].get(path.name)
    return isinstance(said, dict) and path.is_file() and said.get("sha256") == files.digest(path)


def provenance(file: str, training: pathlib.Path, validation: pathlib.Path) -> dict[str, Any]:
    """What a run's manifest records about the files that it read."""
    described = [files.describe(training), files.describe(validation)]
    record = read_record(training.with_name(f"{file}.json"))
    said = [record["files"].get(path.name) for path in (training, validation)] if record else []
    agree = [isinstance(s, dict) and s.get("sha256") == d["sha256"] for s, d in zip(said, described, strict=False)]
    if record and all(agree):
        return {"name": file, "files": described, "origin": record.get("origin", "unknown"), "record": record}
    in_published = training.parent.resolve() == published_directory().resolve()
    origin = "published" if in_published and record is None else "unknown"
    return {"name": file, "files": described, "origin": origin, "record": None}
