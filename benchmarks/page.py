"""The tables of `docs/speed.md`, made of `benchmarks/results`; the prose around them is written by hand.

    python benchmarks/page.py

A table stands between `<!-- speed: NAME -->` and `<!-- end -->`, and comes from the files NAME.json and NAME-gpu.json.
"""

import argparse
import json
import pathlib
import re

from _results import FOLDER, tables

PAGE = pathlib.Path(__file__).parents[1] / "docs" / "speed.md"
ABSENT = "Not taken."
_PLACE = re.compile(r"<!-- speed: (?P<name>[\w-]+) -->.*?<!-- end -->", re.S)


def rewritten(page: str, folder: pathlib.Path = FOLDER) -> str:
    """The page with all its tables as the files of `folder` have them."""

    def place(match: re.Match[str]) -> str:
        files = [folder / f"{match['name']}{device}.json" for device in ("", "-gpu")]
        text = "\n\n".join(tables(json.loads(file.read_text())) for file in files if file.exists()) or ABSENT
        return f"<!-- speed: {match['name']} -->\n\n{text}\n\n<!-- end -->"

    return _PLACE.sub(place, page)


def names(page: str) -> list[str]:
    """The tables that a page has a place for."""
    return [match["name"] for match in _PLACE.finditer(page)]


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    PAGE.write_text(rewritten(PAGE.read_text()))
    print(f"written: {PAGE}")
