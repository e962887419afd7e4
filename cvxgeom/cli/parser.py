"""The options of each command."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from .. import __version__
from .._files import EXPORT_ENDINGS
from . import bench, export, fit, prepare, reconstruct, train
from .arguments import count, distance, number, path_ending, size

SURFACES = ("parts", "union", "smooth", "grid")
_MOST_CELLS = 2048  # along the longest side: of a cube they take 34 GB


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one sentence, without the list of all options before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line.

    Args:
        arguments: what stands behind ``cvxgeom``; None takes it from the process.

    Returns:
        ``command`` and its options.

    Raises:
        SystemExit: bad usage (code 2), or ``--help`` and ``--version`` (code 0).

    Example:
        >>> parse(["mesh", "chair.npz", "-o", "chair.glb"]).surface
        'parts'
    """
    parser = _Parser(
        prog="cvxgeom",
        description="Solids as unions of smooth convexes.",
        epilog="Exit codes: 0 success, 1 bad input, 2 bad usage, 130 canceled.",
    )
    parser.add_argument("--version", action="version", version=f"cvxgeom {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    common = _Parser(add_help=False)
    common.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    common.add_argument("-v", "--verbose", action="store_true", help="log what happens; show where an error arose")
    own = (fit.add, _mesh, _info, _score, _render)
    for add in (*own, export.add, reconstruct.add, prepare.add, train.add, bench.add, _doctor):
        add(commands, common)
    return parser.parse_args(arguments)


def _mesh(commands: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    command = commands.add_parser("mesh", parents=[common], help="turn a shape into a mesh file")
    _shape(command)
    _output(command, f"mesh to write ({', '.join(EXPORT_ENDINGS)})", EXPORT_ENDINGS)
    command.add_argument(
        "--surface",
        choices=SURFACES,
        default="parts",
        help="exact convex parts (default), their watertight union, the smooth surface, or the same from a grid",
    )
    command.add_argument(
        "--resolution", type=count(2, _MOST_CELLS), metavar="N", help="grid: cells along the longest side"
    )
    command.add_argument("--tolerance", type=number, metavar="F", help="smooth: largest error in units of length")
    command.add_argument("--center-gap", action="store_true", help="parts, union: lie halfway to the smooth surface")


def _info(commands: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    _shape(commands.add_parser("info", parents=[common], help="say what a shape consists of"))


def _score(commands: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    command = commands.add_parser("score", parents=[common], help="compare a shape with a mesh")
    _shape(command)
    command.add_argument("mesh", metavar="MESH", type=Path, help="the mesh to compare with")
    command.add_argument("--points", type=count(1), metavar="N", help="sample points of each estimate")
    command.add_argument("--seed", type=count(0), metavar="N", help="seed of the sample points")


def _render(commands: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    command = commands.add_parser("render", parents=[common], help="draw a shape")
    _shape(command)
    _output(command, "picture to write (.png)", (".png",))
    command.add_argument("--mesh", metavar="MESH", type=Path, help="draw this mesh beside it")
    command.add_argument("--size", type=size, metavar="WxH", help="pixels of each panel")
    angles = ("AZIMUTH", "ELEVATION")
    command.add_argument("--view", type=number, nargs=2, metavar=angles, help="where the camera stands, in degrees")
    command.add_argument("--up", choices=("y", "z"), help="which axis points up (y)")
    command.add_argument("--explode", type=distance, metavar="F", help="how far the parts are moved apart")


def _doctor(commands: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    commands.add_parser("doctor", parents=[common], help="say what is installed, what runs and what is missing")


def _shape(command: argparse.ArgumentParser) -> None:
    command.add_argument("input", metavar="SHAPE", type=Path, help="shape file (.npz)")
    command.add_argument("--index", type=count(0), metavar="N", help="which shape of a file that holds several")


def _output(command: argparse.ArgumentParser, help: str, suffixes: tuple[str, ...]) -> None:
    command.add_argument("-o", "--output", metavar="OUT", required=True, type=path_ending(*suffixes), help=help)
