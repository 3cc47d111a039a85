"""The pages under docs/results, made from the folders of their sweeps.

    $ cfgrl sweep free-improvement
    $ python benchmarks/evidence.py runs/sweeps/free-improvement

What stands between the two marks of `docs/results/NAME.md` is replaced by the sweep's tables and figures; the words
around it are written by hand. `docs/results/NAME.json` holds the numbers, from which the tables can be made again:

    $ python benchmarks/evidence.py --check
"""

import argparse
import json
import pathlib
import shutil
import sys
from typing import Any

from cfgrl.report import markdown_sweep, write_sweep_report

DOCS = pathlib.Path(__file__).parents[1] / "docs"
BEGIN, END = "<!-- numbers: begin -->", "<!-- numbers: end -->"


def block(results: dict[str, Any], figures: list[str]) -> str:
    """Tables and figures as Markdown."""
    name = results["sweep"]
    pictures = [f"![{figure.replace('-', ' ')}](../figures/{name}/{figure}.png)" for figure in figures]
    return "\n\n".join([*pictures, markdown_sweep(results).strip()])


def within(page: str, text: str) -> str:
    """`page` with `text` between its two marks. Raises `ValueError` where it has none."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


def figures_of(name: str) -> list[str]:
    """The figures of a page, by name."""
    return sorted(path.stem for path in (DOCS / "figures" / name).glob("*.png"))


def write(folder: pathlib.Path) -> pathlib.Path:
    """Bring the page of a sweep up to what lies in its folder. Raises `ValueError` where the sweep has no page."""
    for old in (folder / "figures").glob("*.png"):  # of arms or data sets that are gone
        old.unlink()
    results, _ = write_sweep_report(folder)
    name = results["sweep"]
    page = DOCS / "results" / f"{name}.md"
    if not page.is_file():
        raise ValueError(f"there is no page docs/results/{name}.md")
    # Where the folder lay on one machine is nobody else's matter, nor is the state of its checkout.
    results["command"] = ["cfgrl", "sweep", name]
    results["made"].pop("git", None)
    figures = sorted(path.stem for path in (folder / "figures").glob("*.png"))
    text = within(page.read_text(encoding="utf-8"), block(results, figures))
    pictures = DOCS / "figures" / name
    if pictures.is_dir():
        shutil.rmtree(pictures)
    shutil.copytree(folder / "figures", pictures)
    numbers = json.dumps(results, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    page.with_suffix(".json").write_text(numbers, encoding="utf-8")
    page.write_text(text, encoding="utf-8")
    return page


def check() -> list[str]:
    """The pages whose tables are not those of their numbers."""
    wrong = []
    for numbers in sorted((DOCS / "results").glob("*.json")):
        results = json.loads(numbers.read_text(encoding="utf-8"))
        page = numbers.with_suffix(".md").read_text(encoding="utf-8")
        if within(page, block(results, figures_of(results["sweep"]))) != page:
            wrong.append(numbers.stem)
    return wrong


def main() -> int:
    """Write the pages of the folders that are named, or check all pages."""
    parser = argparse.ArgumentParser(description="The pages under docs/results from the folders of their sweeps.")
    parser.add_argument("folders", nargs="*", type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("--check", action="store_true", help="say which pages differ from their numbers")
    args = parser.parse_args()
    for folder in args.folders:
        print(write(folder))
    wrong = check() if args.check else []
    for name in wrong:
        print(f"docs/results/{name}.md differs from docs/results/{name}.json", file=sys.stderr)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
