"""Nodes of a regular grid → the union's signed distance, cheaply where only the surface is wanted."""

from .op import sample_grid

__all__ = ["sample_grid"]
