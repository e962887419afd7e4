"""Cameras, maps and pictures of shapes by our own ray caster; no GL."""

from .camera import Camera, rays
from .maps import Maps, render_maps
from .mesh_maps import mesh_maps
from .panels import picture, save_picture
from .silhouette import soft_silhouette

__all__ = ["Camera", "Maps", "mesh_maps", "picture", "rays", "render_maps", "save_picture", "soft_silhouette"]
