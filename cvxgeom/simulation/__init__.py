"""Into a simulator: a shape as a rigid body in MJCF, URDF or USD, and what happens when it is dropped."""

from .body import Part, PartStatus, RigidBody, rigid_body
from .check import Check, CheckReport, check
from .export import ExportResult, export
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
