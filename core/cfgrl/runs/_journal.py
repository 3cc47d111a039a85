"""JSON lines that survive a kill: appended whole and flushed, cut back to the checkpoint that a run resumes from."""

import json
import os
import pathlib
from collections.abc import Callable, Iterable
from typing import Any

from cfgrl._errors import CheckpointError


def append(path: pathlib.Path, records: Iterable[dict[str, Any]]) -> None:
    """Append one line a record and wait until they are on disk."""
    text = "".join(json.dumps(record, allow_nan=False) + "\n" for record in records)
    with path.open("ab") as file:
        file.truncate(_whole(path))
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())


def _whole(path: pathlib.Path) -> int:
    """Length up to the last line break: what a kill cut short would otherwise join the next line."""
    return path.read_bytes().rfind(b"\n") + 1


def read(path: pathlib.Path) -> list[dict[str, Any]]:
    """All whole lines; a last line that a kill cut short is left out. Raises `CheckpointError` for any other fault."""
    if not path.exists():
        return []
    records = []
    for number, line in enumerate(path.read_bytes()[: _whole(path)].splitlines(), start=1):
        try:
            records.append(json.loads(line))
        except ValueError as error:
            raise CheckpointError(f"{path}, line {number} is not JSON; mend the line or remove it.") from error
    return records


def keep(path: pathlib.Path, condition: Callable[[dict[str, Any]], bool]) -> None:
    """Keep the records that fulfil `condition`; the file is replaced in one step."""
    if not path.exists():
        return
    records = read(path)
    kept = [record for record in records if condition(record)]
    if len(kept) == len(records):
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        append(temporary, kept)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: pathlib.Path, content: Any) -> None:
    """Write a JSON file in one step: readers see the old one or the new one, never half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(content, file, indent=1, allow_nan=False)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
