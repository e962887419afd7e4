"""Pictures of shapes with their colors and textures, by pyrender on EGL: no display is needed, and no GPU."""

import os
import subprocess
import sys
from contextlib import suppress
from functools import lru_cache
from typing import Any

import numpy as np
import torch
import trimesh

from ..data import Normalization, normalize
from ..render import Camera
from .compute import camera_arrays, depth_maps, radius
from .config import PrepareConfig
from .item import Item, Loaded, Patch
from .views import FIELD_OF_VIEW, rgb_cameras

# Rendered so many times larger and shrunk: smooth edges, and a silhouette that is the share of a pixel's area.
_SUPERSAMPLING = 2
# Degrees from the camera: where the light comes from, on average, and how far it strays from there.
_LIGHT, _STRAY = (-35.0, 35.0), 25.0
_AMBIENT, _KEY, _FILL = 0.3, 2.2, 0.6
_PLAIN = (0.7, 0.7, 0.7, 1.0)
_PROBE_SECONDS = 120


@lru_cache(maxsize=1)
def why_no_pictures() -> str | None:
    """Why nothing can be rendered here; None if it can. Tried in a process of its own: GL libraries may crash."""
    code = "from cvxgeom.prepare.color import _probe; _probe()"
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=_PROBE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"OpenGL does not answer within {_PROBE_SECONDS} s"
    if done.returncode == 0:
        return None
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return f"OpenGL cannot render here: {lines[-1] if lines else f'exit code {done.returncode}'}"


def pictures(item: Item, loaded: Loaded, config: PrepareConfig) -> dict[str, np.ndarray]:
    """Pictures of a shape from all around, with depth maps from the same cameras.

    Args:
        item: its id decides, with the seed, on cameras and light.
        loaded: with colors if it has any; else it is gray.
        config: how many, and of which size.

    Returns:
        The arrays ``rgb``, ``rgb_depth``, ``rgb_intrinsics`` and ``rgb_extrinsics``.

    Raises:
        ImportError: pyrender or embreex is not installed.
        ValueError: the source has no mesh.
    """
    if loaded.mesh is None:
        raise ValueError("the source has points but no mesh to take pictures of")
    mesh, frame = normalize(loaded.mesh)
    patches = loaded.patches() if loaded.patches else []
    if not patches:
        patches = [Patch(np.asarray(loaded.mesh.triangles, dtype=np.float64), _PLAIN)]
    random = config.random(item.id, "rgb")
    cameras = rgb_cameras(radius(mesh), config.n_rgb_views, config.rgb_size, random)
    lights = [_light(camera, random) for camera in cameras]
    images = render(patches, frame, cameras, lights)
    return {"rgb": images, "rgb_depth": depth_maps(mesh, cameras), **camera_arrays(cameras, "rgb_")}


def render(patches: list[Patch], frame: Normalization, cameras: list[Camera], lights: list[np.ndarray]) -> np.ndarray:
    """Pictures of colored triangles, seen and lit from both sides.

    Args:
        patches: in the source's frame.
        frame: from there to the object frame.
        cameras: of one size and field of view; object frame.
        lights: for each camera the direction (3,) toward the light.

    Returns:
        (V, h, w, 4) uint8: sRGB, black in the background, and the silhouette.

    Raises:
        ImportError: pyrender is not installed.
    """
    pyrender = _pyrender()
    meshes = [_mesh(pyrender, patch, frame) for patch in patches]
    scene = pyrender.Scene(bg_color=(0, 0, 0, 0), ambient_light=(_AMBIENT,) * 3)
    scene.add(pyrender.Mesh([primitive for mesh in meshes for primitive in mesh]))
    node = scene.add(pyrender.PerspectiveCamera(np.radians(FIELD_OF_VIEW), znear=0.05, zfar=20.0, aspectRatio=1.0))
    key, fill = (
        scene.add(pyrender.DirectionalLight(color=np.ones(3), intensity=intensity)) for intensity in (_KEY, _FILL)
    )
    renderer = _renderer(cameras[0].size)
    images = []
    for camera, light in zip(cameras, lights):
        pose = torch.linalg.inv(camera.extrinsics).numpy() @ np.diag([1.0, -1.0, -1.0, 1.0])
        scene.set_pose(node, pose)
        scene.set_pose(fill, pose)
        scene.set_pose(key, _shining_from(light))
        color, _ = renderer.render(scene, flags=pyrender.RenderFlags.RGBA)
        images.append(_shrunk(color))
    _free(renderer, scene)
    return np.stack(images)


def _mesh(pyrender: Any, patch: Patch, frame: Normalization) -> list[Any]:
    """The triangles of a patch, and the same from behind: surfaces of the web are wound either way."""
    corners = frame.apply(np.asarray(patch.corners, dtype=np.float64))
    flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    keep = length[:, 0] > 0
    corners, flat = corners[keep], np.repeat((flat / np.where(length > 0, length, 1))[keep, None], 3, axis=1)
    normals = flat
    if patch.normals is not None:
        given = patch.normals[keep]
        size = np.linalg.norm(given, axis=-1, keepdims=True)
        given = given / np.where(size > 0, size, 1)
        side = (given * flat).sum(axis=-1, keepdims=True)
        normals = np.where(side > 0.1, given, np.where(side < -0.1, -given, flat))
    if not len(corners):
        return []
    color = np.array(patch.color[:3])
    linear = np.where(color <= 0.04045, color / 12.92, ((color + 0.055) / 1.055) ** 2.4)
    texture = None
    if patch.texture is not None and patch.uv is not None:
        texture = pyrender.Texture(source=np.asarray(patch.texture), source_channels="RGB")
    material = pyrender.MetallicRoughnessMaterial(
        baseColorFactor=(*linear.tolist(), 1.0), baseColorTexture=texture, metallicFactor=0.0, roughnessFactor=0.8
    )
    made = []
    for order, sign in (([0, 1, 2], 1.0), ([2, 1, 0], -1.0)):
        uv = None if texture is None or patch.uv is None else patch.uv[keep][:, order].reshape(-1, 2)
        made.append(
            pyrender.Primitive(
                positions=corners[:, order].reshape(-1, 3).astype(np.float32),
                normals=(sign * normals[:, order]).reshape(-1, 3).astype(np.float32),
                texcoord_0=None if uv is None else uv.astype(np.float32),
                material=material,
            )
        )
    return made


def _light(camera: Camera, random: np.random.Generator) -> np.ndarray:
    """Direction toward the light: from above, to the left of the camera, more or less."""
    azimuth, elevation = np.radians(np.array(_LIGHT) + random.uniform(-_STRAY, _STRAY, 2))
    right, down, forward = camera.extrinsics[:3, :3].numpy()
    across = np.sin(azimuth) * right - np.cos(azimuth) * forward
    return np.cos(elevation) * across - np.sin(elevation) * down


def _shining_from(direction: np.ndarray) -> np.ndarray:
    """The pose of a light that shines from a direction: along its own -z."""
    x, y, z = direction.tolist()
    pose = np.linalg.inv(Camera(position=(x, y, z), up=(0.0, 0.0, 1.0)).extrinsics.numpy())
    return pose @ np.diag([1.0, -1.0, -1.0, 1.0])


def _shrunk(color: np.ndarray) -> np.ndarray:
    """Mean over squares of pixels. On black, colors are those of the object times the share of the area it covers."""
    h, w = (n // _SUPERSAMPLING for n in color.shape[:2])
    blocks = color.reshape(h, _SUPERSAMPLING, w, _SUPERSAMPLING, 4).astype(np.float32)
    return np.round(blocks.mean(axis=(1, 3))).astype(np.uint8)


_RENDERERS: dict[tuple[int, int], Any] = {}


def _renderer(size: tuple[int, int]) -> Any:
    """One renderer for each size, kept: a context of OpenGL takes long to make."""
    if size not in _RENDERERS:
        _RENDERERS[size] = _pyrender().OffscreenRenderer(size[0] * _SUPERSAMPLING, size[1] * _SUPERSAMPLING)
    return _RENDERERS[size]


def _free(renderer: Any, scene: Any) -> None:
    """Take the meshes and textures of a scene out of the renderer's memory, which it keeps forever otherwise."""
    scene.clear()
    renderer._platform.make_current()
    renderer._renderer._update_context(scene, 0)


def _pyrender() -> Any:
    # Before the first import of OpenGL: no display, and no X libraries.
    os.environ.setdefault("PYOPENGL_PLATFORM", "egl")
    os.environ.setdefault("PYGLET_HEADLESS", "1")
    if not hasattr(np, "infty"):
        setattr(np, "infty", np.inf)  # noqa: B010  pyrender 0.1.45 knows NumPy 1 only
    # Mesa's software renderer and Triton each bring an LLVM. Where Mesa's came first, Triton's ends the process.
    with suppress(ImportError):
        import triton  # noqa: F401  # pyright: ignore[reportMissingImports]
    try:
        import pyrender
    except ImportError as error:
        raise ImportError("pictures need pyrender; get it by: pip install cvxgeom[render]") from error
    return pyrender


def _probe() -> None:
    """Render a box; raises whatever is wrong, in one line."""
    box = trimesh.creation.box()
    camera = Camera(position=(0, 0, 3), field_of_view=FIELD_OF_VIEW, size=(16, 16))
    patch = Patch(np.asarray(box.triangles), _PLAIN)
    images = render([patch], normalize(box)[1], [camera], [np.array([0.0, 1.0, 1.0])])
    if images[0, 8, 8, 3] != 255 or images[0, 0, 0, 3] != 0 or images[0, 8, 8, 0] == 0:
        raise RuntimeError("a box that was rendered for a test does not show")
