"""Decomposition into convexes, measured: ours beside the tools that people use."""

from .contenders import CONTENDERS, Contender, as_union
from .report import write_report
from .run import Row, measure
from .scan import scan_like
from .sets import Case, own_cases, source_cases
from .worker import Outcome, Worker

__all__ = [
    "CONTENDERS",
    "Case",
    "Contender",
    "Outcome",
    "Row",
    "Worker",
    "as_union",
    "measure",
    "own_cases",
    "scan_like",
    "source_cases",
    "write_report",
]
