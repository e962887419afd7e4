"""Rays × half-spaces → first hit, normal, part id."""

from .op import RayHits, raycast

__all__ = ["RayHits", "raycast"]
