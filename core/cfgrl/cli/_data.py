"""`cfgrl data`: which data sets there are, make one here, download one, look at one."""

import argparse
import dataclasses
import difflib
import json
import pathlib
import sys
from collections.abc import Iterator
from typing import Any

from cfgrl._errors import ConfigError, DataError, PluginError
from cfgrl.files._printable import printable

_DIR = "the folder of the files instead of the usual places"


def add(subparsers: Any) -> None:
    """Add the command and its four verbs."""
    parser = subparsers.add_parser(
        "data",
        help="list, generate, download and check data sets",
        description="List, generate, download and check data sets. Only `get` uses a network.",
    )
    parser.set_defaults(run=lambda args: parser.print_help() or 2)
    verbs = parser.add_subparsers(metavar="VERB")

    listing = verbs.add_parser("list", help="all names, what is on this machine, what can be made here")
    listing.set_defaults(run=_list)

    generate = verbs.add_parser("generate", help="make a data set on this machine, without a network")
    generate.add_argument("name", metavar="NAME")
    generate.add_argument("overrides", metavar="KEY=VALUE", nargs="*", help="another number of the recipe: noise=0.2")
    generate.add_argument("--episodes", metavar="N", type=int, help="training episodes; else the published number")
    generate.add_argument("--seed", metavar="S", type=int, default=0, help="decides every byte (0)")
    generate.set_defaults(run=_generate)

    get = verbs.add_parser("get", help="download a data set")
    get.add_argument("name", metavar="NAME")
    get.add_argument("--url", metavar="URL", help="the server's folder that holds the files, where there is a mirror")
    get.set_defaults(run=_get)

    check = verbs.add_parser("check", help="what is in a data set or a file, and what is wrong with it")
    check.add_argument("name", metavar="NAME-or-FILE")
    check.add_argument(
        "overrides",
        metavar="ARRAY=NAME",
        nargs="*",
        help="what the file calls an array, such as observations=obs; layout=rows or layout=transitions",
    )
    check.set_defaults(run=_check)

    for verb in (generate, get, check):
        verb.add_argument("--dir", metavar="DIR", help=_DIR)
    for verb in verbs.choices.values():
        verb.add_argument("--json", action="store_true", help="print one JSON object")
        verb.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help="show tracebacks")
        verb.set_defaults(parser=verb)


def _list(args: argparse.Namespace) -> int:
    rows: dict[str, dict[str, Any]] = {}
    for plugin, cls in _classes():
        for name, summary in cls.catalogue.items():
            path = cls.named(name).present()
            rows[name] = {
                "dataset": plugin,
                "summary": summary,
                "path": None if path is None else str(path),
                "can_generate": name in cls.generates,
                "in_memory": cls.in_memory,
            }
    if args.json:
        print(json.dumps({"datasets": rows}, indent=2))
        return 0
    width = max((len(name) for name in rows), default=0)
    for name, row in rows.items():
        print(f"{name:<{width}}  {_state(row):<17} {row['summary']}")
    present = [row["path"] for row in rows.values() if row["path"]]
    print(*(f"\n{len(present)} on this machine:", *present) if present else ("\nNone is on this machine.",), sep="\n  ")
    print("Make one with `cfgrl data generate NAME`, download one with `cfgrl data get NAME`.")
    return 0


def _state(row: dict[str, Any]) -> str:
    if row["in_memory"]:
        return "made when used"
    return "here" if row["path"] else "can be made here" if row["can_generate"] else "download"


def _generate(args: argparse.Namespace) -> int:
    from cfgrl.data._dataset import generate as make

    dataset, directory = find_dataset(args.name), None if args.dir is None else pathlib.Path(args.dir)
    path = make(dataset, directory, episodes=args.episodes, seed=args.seed, recipe=_numbers(args.overrides))
    return _show_files(args, path)


def _numbers(words: list[str]) -> dict[str, float]:
    """The numbers that `KEY=VALUE` give. Raises `ConfigError`."""
    try:
        return {key: float(value) for key, value in (word.split("=") for word in words)}
    except ValueError:
        raise ConfigError(f"Not of the form KEY=VALUE with a number, such as noise=0.2: {' '.join(words)}") from None


def _get(args: argparse.Namespace) -> int:
    return _show_files(args, find_dataset(args.name, dir=args.dir, url=args.url).fetch())


def _show_files(args: argparse.Namespace, path: pathlib.Path) -> int:
    found = find_dataset(args.name, dir=str(path.parent)).provenance()
    if args.json:
        print(json.dumps(found, indent=2))
        return 0
    for file in found["files"]:
        print(f"{file['path']} ({file['bytes'] / 1e6:,.1f} MB, SHA-256 {file['sha256'][:16]}…)")
    return 0


def _check(args: argparse.Namespace) -> int:
    from cfgrl.cli._surveyed import format_survey, mapping
    from cfgrl.data._survey import survey, survey_data

    path, dataset, about, loaded = pathlib.Path(args.name), _named(args), None, []
    names, layout = mapping(args.overrides)
    if dataset is None:
        surveys = [survey(path, names, layout)]
    elif args.overrides:
        raise ConfigError(f"{args.overrides[0]} says what a file calls an array; {args.name} is no file but a name.")
    else:
        about = dataset.provenance()
        surveys = [survey(file) for file in _rows_of(about)]
    wrong = [f"{found['file']}: {problem}" for found in surveys for problem in found["problems"]]
    if dataset is not None and not surveys:
        data = zip(("training", "validation"), dataset.load(), strict=True)
        loaded = [survey_data(part, f"{args.name}, {what}") for what, part in data if part is not None]
    if args.json:
        print(json.dumps({"ok": not wrong, "files": surveys, "data": loaded, "provenance": about}, indent=2))
    else:
        print(*(format_survey(found) for found in (*surveys, *loaded)), *_origin(about), sep="\n")
    if wrong:
        named = all("observations" in found["arrays"] for found in surveys)
        hint = "" if named else " Say what arrays are called: observations=NAME actions=NAME and so on."
        raise DataError(f"{len(wrong)} fault{'s' if len(wrong) > 1 else ''} found, the first: {wrong[0]}.{hint}")
    if dataset is not None and surveys:
        dataset.load()  # what only the data set itself knows: the sizes of a row, where goals come from
    return 0


def _named(args: argparse.Namespace) -> Any:
    """The data set that is meant, `None` where it is a file."""
    path = pathlib.Path(args.name)
    if path.is_file() or path.suffix in (".npz", ".hdf5", ".h5"):
        if args.dir is not None:
            raise ConfigError(f"--dir is for data sets with a name, and {args.name} is a file: give its whole path.")
        return None
    try:
        return find_dataset(args.name, dir=args.dir)
    except ConfigError:
        if path.exists() or path.suffix or len(path.parts) > 1:
            return None
        raise


def _rows_of(about: dict[str, Any]) -> list[pathlib.Path]:
    """Those of a data set's files that hold rows themselves; others mean something only to the data set."""
    from cfgrl.files._arrays import array_names

    files = [path for path in map(pathlib.Path, (file["path"] for file in about["files"])) if path.suffix == ".npz"]
    return files if files and "observations" in array_names(files[0]) else []


def _origin(about: dict[str, Any] | None) -> Iterator[str]:
    if about is not None:
        record = about.get("record") or {}
        versions = record.get("versions")  # a record lies beside the data, and may say anything
        made = (
            ", ".join(f"{name} {version}" for name, version in versions.items()) if isinstance(versions, dict) else ""
        )
        seed = f" with seed {record['seed']}" if "seed" in record else ""
        yield printable(f"origin: {about['origin']}" + (f"{seed} by {made}" if made else ""))


def find_dataset(name: str, **options: Any) -> Any:
    """The data set called `name`, whichever plugin has it.

    **Arguments:**

    - `name`: one of a catalogue, or another form that a plugin understands.
    - `options`: fields of the data set; `None` leaves a field as it is.

    **Raises:** `ConfigError` with the closest names.
    """
    refusals: list[ConfigError] = []
    for cls in _by_closeness(name):
        fields = {field.name for field in dataclasses.fields(cls)}
        given = {key: value for key, value in options.items() if value is not None}
        if unknown := given.keys() - fields:
            refusals.append(ConfigError(f"{name} takes no --{' and no --'.join(sorted(unknown))}."))
            continue
        try:
            return cls.named(name, **given)
        except ConfigError as error:
            refusals.append(error)
    if refusals:
        raise refusals[0]
    raise ConfigError(f"There is no data set {name!r} in any plugin; `cfgrl data list` shows all names.")


def _by_closeness(name: str) -> list[Any]:
    """The classes, those first whose catalogue has the name or the one that is most like it."""
    classes = [cls for _, cls in _classes()]
    close = difflib.get_close_matches(name, [known for cls in classes for known in cls.catalogue], n=1, cutoff=0.0)
    return sorted(classes, key=lambda cls: (name not in cls.catalogue, not set(close) & set(cls.catalogue)))


def _classes() -> Iterator[tuple[str, Any]]:
    """The data-set classes that have a catalogue, by the name of their component."""
    from cfgrl.catalogue._catalogue import load_catalogue

    for name, entry in load_catalogue().entries("datasets").items():
        try:
            cls: Any = entry.component.load()
        except PluginError as error:
            print(f"cfgrl: warning: {error}", file=sys.stderr)
            continue
        if cls.catalogue:
            yield name, cls
