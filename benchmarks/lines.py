"""How much code there is: formatted lines of core/ and plugins/ without comments, docstrings and blank lines.

python benchmarks/lines.py [CHECKOUT]
"""

import argparse
import ast
import io
import pathlib
import statistics
import tokenize


def code_lines(text: str) -> int:
    """Lines on which a token of code stands."""
    lines: set[int] = set()
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in skipped:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(lines)


def main() -> None:
    """Print the count by package, the longest file and the median function."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", nargs="?", type=pathlib.Path, default=pathlib.Path(__file__).parents[1])
    root = parser.parse_args().checkout
    counts: dict[str, int] = {}
    longest: tuple[int, str] = (0, "")
    functions: list[int] = []
    for folder in (root / "core" / "cfgrl", root / "plugins" / "cfgrl_plugins"):
        for path in sorted(folder.rglob("*.py")):
            text, name = path.read_text(), path.relative_to(folder.parent)
            parts = str(name).split("/")
            package = "/".join(parts[:2]) if len(parts) > 2 else f"{parts[0]}/(root)"
            counts[package] = counts.get(package, 0) + code_lines(text)
            length = len(text.splitlines())
            longest = (length, str(name)) if length > longest[0] else longest
            found = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
            functions += [(node.end_lineno or 0) - node.body[0].lineno + 1 for node in found]
    for package, count in counts.items():
        print(f"{count:6,}  {package}")
    print(f"{sum(counts.values()):6,}  in all; longest file {longest[0]} lines ({longest[1]}); ", end="")
    print(f"functions: median {statistics.median(functions):g} lines")


if __name__ == "__main__":
    main()
