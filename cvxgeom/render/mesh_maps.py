"""What a camera sees of a triangle mesh, by embree."""

from typing import Any

import numpy as np
import torch
import trimesh

from .camera import Camera, rays
from .maps import Caster, Maps, Sighting, View, images

# A face that deviates by more than this many degrees from the mean normal at its corner has a sharp edge there.
SMOOTH_CREASE = 25.0


def mesh_maps(mesh: trimesh.Trimesh, camera: Camera) -> Maps:
    """Depth, normals and silhouette of a triangle mesh, open or closed, sampled at pixel centers.

    Triangles are seen from both sides: the normal is the one that faces the camera. Part ids are 0 where the mesh is
    seen. Not differentiable; computed in float32 about the middle of the mesh.

    Args:
        mesh: at least one triangle.
        camera: where from.

    Returns:
        Maps of (height, width) pixels in float32.

    Raises:
        ImportError: embreex is not installed.
        ValueError: the mesh has no triangle.

    Example:
        >>> maps = mesh_maps(trimesh.creation.box(), Camera(position=(0, 0, 3), size=(9, 9)))
        >>> round(float(maps.depth[4, 4]), 6), int(maps.part[0, 0])
        (2.5, -1)
    """
    return images(camera, mesh_caster(mesh)([View(camera)])[0])


def mesh_caster(mesh: trimesh.Trimesh, smooth: bool = False) -> Caster:
    """What sees a triangle mesh from both sides, as part 0; the search tree is built once.

    Args:
        mesh: at least one triangle.
        smooth: whether normals are blended across the gentle creases of a curved surface.
    """
    if len(mesh.faces) == 0:
        raise ValueError("mesh must have at least one triangle, got none")
    # Embree computes in float32: positions are taken about the middle, so that a mesh far from the origin is sharp.
    middle = mesh.bounds.mean(axis=0)
    scene = embree_scene(mesh.triangles - middle)
    corner_normals = torch.tensor(_corner_normals(mesh, smooth), dtype=torch.float32)

    def see(view: View) -> Sighting:
        pixels = view.pixel_numbers()
        origins, directions = rays(view.camera, pixels, dtype=torch.float64)
        start = (origins - torch.from_numpy(middle)).float()
        directions = directions.float()
        found = scene.run(start.numpy(), directions.numpy(), output=True)
        hit = torch.from_numpy(found["primID"] >= 0).nonzero().squeeze(-1)
        triangle, u, v, distance = (torch.from_numpy(found[key])[hit] for key in ("primID", "u", "v", "tfar"))
        weights = torch.stack([1 - u - v, u, v], dim=-1)
        normals = (weights[..., None] * corner_normals[triangle.long()]).sum(dim=-2)
        normals = torch.nn.functional.normalize(normals, dim=-1)
        away = (normals * directions[hit]).sum(-1, keepdim=True) > 0
        normals = torch.where(away, -normals, normals)
        return Sighting(pixels[hit], distance, normals, torch.zeros_like(hit))

    return lambda views: [see(view) for view in views]


def embree_scene(triangles: np.ndarray) -> Any:
    """Triangles as embree keeps them, in float32, for rays to be sent against.

    Args:
        triangles: (F, 3, 3) corners.

    Raises:
        ImportError: embreex is not installed.
    """
    try:
        from embreex.mesh_construction import TriangleMesh
        from embreex.rtcore_scene import EmbreeScene
    except ImportError as error:
        raise ImportError("rays against a mesh need embreex; get it by: pip install cvxgeom[render]") from error
    scene = EmbreeScene()
    TriangleMesh(scene, np.asarray(triangles, dtype=np.float32))
    return scene


def _corner_normals(mesh: trimesh.Trimesh, smooth: bool) -> np.ndarray:
    """A normal for each corner of each triangle, (F, 3, 3)."""
    flat = np.repeat(np.asarray(mesh.face_normals)[:, None], 3, axis=1)
    if not smooth:
        return flat
    blended = np.asarray(mesh.vertex_normals)[mesh.faces]
    gentle = (flat * blended).sum(axis=-1, keepdims=True) > np.cos(np.radians(SMOOTH_CREASE))
    return np.where(gentle, blended, flat)
