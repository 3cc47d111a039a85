"""JSON lines that survive a kill: appended whole and flushed, cut back to the checkpoint that a run resumes from."""

import json
import os
import pathlib
from collections.abc import Callable, Iterable
from typing import Any


def append(path: pathlib.Path, records: Iterable[dict[str, Any]]) -> None:
    """Append one line a record and wait until they are on disk."""
    text = "".join(json.dumps(record, allow_nan=False) + "\n" for record in records)
    with path.open("a", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def read(path: pathlib.Path) -> list[dict[str, Any]]:
    """All whole lines; a last line that a kill cut short is left out."""
    if not path.exists():
        return []
    records = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            records.append(json.loads(line))
        except ValueError:
            break
    return records


def keep(path: pathlib.Path, condition: Callable[[dict[str, Any]], bool]) -> None:
    """Keep the records that fulfil `condition`; the file is replaced in one step."""
    if not path.exists():
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    append(temporary, (record for record in read(path) if condition(record)))
    os.replace(temporary, path)


def write_json(path: pathlib.Path, content: Any) -> None:
    """Write a JSON file in one step: readers see the old one or the new one, never half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=1, allow_nan=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
