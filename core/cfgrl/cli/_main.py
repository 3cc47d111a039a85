"""`cfgrl`: parse, run one subcommand, answer errors with one message and the right exit code."""

import argparse
import difflib
import importlib
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

from cfgrl._errors import CfgrlError
from cfgrl.files._printable import printable

COMMANDS = (
    "demo",
    "train",
    "eval",
    "density",
    "report",
    "plot",
    "sweep",
    "list",
    "show",
    "plugins",
    "plugin",
    "data",
    "doctor",
)


class _Parser(argparse.ArgumentParser):
    """Errors in one line, with the closest flag or command, instead of a page of usage."""

    def error(self, message: str) -> NoReturn:
        hint = ""
        for word in message.replace("'", " ").replace(",", " ").split():
            close = difflib.get_close_matches(word, self._words(), n=1)
            if close and close[0] != word:
                hint = f"; did you mean {close[0]}?"
                break
        print(f"cfgrl: error: {printable(message)}{hint} (see `{self.prog} --help`)", file=sys.stderr)
        sys.exit(2)

    def _words(self) -> list[str]:
        words = list(self._option_string_actions)
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                words += list(action.choices)
        return words


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = _Parser(
        prog="cfgrl",
        description="Offline reinforcement learning by guidance: train once, choose how far to improve afterwards.",
        epilog="Start with `cfgrl demo`. Exit codes: 0 done, 2 usage, 3 data, 4 plugin, 5 numeric, 6 checkpoint, "
        "7 locked, 75 stopped and resumable.",
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    parser.add_argument("--debug", action="store_true", default=False, help="show tracebacks")
    subparsers = parser.add_subparsers(metavar="COMMAND", parser_class=_Parser)
    for name in COMMANDS:
        importlib.import_module(f"cfgrl.cli._{name}").add(subparsers)
    for subparser in subparsers.choices.values():
        subparser.set_defaults(parser=subparser)
        subparser.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help="show tracebacks")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = build_parser()
    arguments, rest = parser.parse_known_args(argv)
    if rest:
        _take_overrides(parser, arguments, rest)
    if arguments.version:
        from importlib.metadata import version

        print(f"cfgrl {version('cfgrl')}")
        return 0
    if not hasattr(arguments, "run"):
        parser.print_help()
        return 2
    try:
        return arguments.run(arguments)
    except CfgrlError as error:
        return _answer(error, arguments.debug, error.exit_code)
    except KeyboardInterrupt:
        print("cfgrl: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except OSError as error:
        return _answer(error, arguments.debug, 1)


def _take_overrides(parser: argparse.ArgumentParser, arguments: argparse.Namespace, rest: list[str]) -> None:
    """KEY=VALUE may also follow flags, which argparse alone does not allow; anything else is an error."""
    unknown = [word for word in rest if word.startswith("-") or "=" not in word or not hasattr(arguments, "overrides")]
    if unknown:
        getattr(arguments, "parser", parser).error(f"unrecognized arguments: {' '.join(unknown)}")
    arguments.overrides += rest


def _answer(error: Exception, debug: bool, code: int) -> int:
    if debug:
        traceback.print_exc()
    print(f"cfgrl: error: {printable(str(error))}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
