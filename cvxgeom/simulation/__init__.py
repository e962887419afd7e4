"""Into a simulator: a shape as a rigid body in MJCF, URDF or USD, and what happens when it is dropped."""

from .body import RigidBody, rigid_body
from .check import Check, CheckReport, check
from .export import ExportResult, export
from .part import Part, PartStatus
from .reduce import Limits

__all__ = [
    "Check",
    "CheckReport",
    "ExportResult",
    "Limits",
    "Part",
    "PartStatus",
    "RigidBody",
    "check",
    "export",
    "rigid_body",
]
