"""Where a picture is taken from, and its rays.

One convention, that of OpenCV: camera axes are x right, y down, z forward; pixels are counted from the top left corner
of the image, and the center of the pixel in row r and column c has the coordinates (c + ½, r + ½).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from .._checks import check_choice, check_positive, describe

Number = float | int
Vector = tuple[Number, Number, Number]
# A fitted camera leaves this much room around the object.
MARGIN = 1.08


@dataclass(frozen=True)
class Camera:
    """A pinhole camera, or an orthographic one where ``view_height`` is given. Plain numbers: equal and hashable.

    Args:
        position: the pinhole, or the middle of the plane from which parallel rays start; object frame.
        target: a point that appears in the middle of the image.
        up: what points up in the image; any length, not parallel to the line of sight.
        field_of_view: vertical, degrees; of a pinhole camera.
        view_height: height of the visible slab in length units; makes the camera orthographic.
        size: (width, height) of the image in pixels.

    Raises:
        TypeError: a number is of another type.
        ValueError: a vector is not three finite numbers, position and target coincide, up is parallel to the line of
            sight, the field of view is not in (0, 180), the view height is not positive, or the size is not two whole
            numbers of at least 1 pixel.

    Example:
        >>> camera = Camera(position=(0, 0, 3), field_of_view=90, size=(4, 2))
        >>> camera.project(torch.tensor([[0.0, 1, 2]]))[0]
        tensor([[2., 0.]])
    """

    position: Vector
    target: Vector = (0.0, 0.0, 0.0)
    up: Vector = (0.0, 1.0, 0.0)
    field_of_view: Number = 30.0
    view_height: Number | None = None
    size: tuple[int, int] = (480, 480)

    def __post_init__(self) -> None:
        for name in ("position", "target", "up"):
            object.__setattr__(self, name, _vector(_numbers(name, getattr(self, name), (3,))))
        _check_field_of_view(self.field_of_view)
        if self.view_height is not None:
            check_positive("view_height", self.view_height)
        _check_size(self.size)
        if self.position == self.target:
            raise ValueError(f"target must differ from position, got {self.target} for both")
        rotation = self._extrinsics[:3, :3]
        if not torch.allclose(rotation @ rotation.T, torch.eye(3, dtype=torch.float64)):
            raise ValueError(f"up must not be zero or parallel to the line of sight, got {self.up}")

    @classmethod
    def looking_at(
        cls,
        points: Float[Tensor, "N 3"] | np.ndarray | Sequence[Sequence[float]],
        view: tuple[Number, Number] = (35.0, 20.0),
        *,
        up: str = "y",
        field_of_view: Number = 30.0,
        orthographic: bool = False,
        size: tuple[int, int] = (480, 480),
    ) -> "Camera":
        """The camera that sees an object from a given side, in the middle of the image and as large as it fits.

        Args:
            points: what must be seen, such as the vertices of a mesh; two points are opposite corners of a box.
            view: (azimuth, elevation) in degrees. Azimuth 0 sees the front, from +z (from −y where z is up), and
                azimuth 90 sees from +x; elevation 90 sees from above.
            up: ``"y"`` or ``"z"``, the axis that points up.
            field_of_view: vertical, degrees.
            orthographic: whether rays are parallel; then ``field_of_view`` does not matter.
            size: (width, height) in pixels.

        Raises:
            ValueError: the points are not finite or none, or another argument is wrong as for `Camera`.

        Example:
            >>> camera = Camera.looking_at([[-1, -1, -1], [1, 1, 1]], view=(0, 0), orthographic=True)
            >>> camera.target, round(camera.view_height, 6)
            ((0.0, 0.0, 0.0), 2.16)
        """
        cloud = _numbers("points", points, (None, 3))
        if len(cloud) == 2:
            cloud = torch.cartesian_prod(*cloud.T)
        check_choice("up", up, ("y", "z"))
        _check_field_of_view(field_of_view)
        _check_size(size)
        back, above = _view_directions(view, up)
        axes = _axes(-back, above)
        center = (cloud.amin(dim=0) + cloud.amax(dim=0)) / 2
        local = (cloud - center) @ axes.T
        reach = float(local.norm(dim=1).max()) or 1.0  # a single point is seen from somewhere, too
        # A pinhole at (a, b, −distance) sees (x, y, z) where |x − a| ≤ slope·(distance + z), and likewise in y.
        tangent = math.tan(math.radians(field_of_view) / 2)
        slope = tangent / MARGIN * torch.tensor([size[0] / size[1], 1.0], dtype=torch.float64)
        slant = 0.0 if orthographic else slope * local[:, 2:]
        high, low = (local[:, :2] - slant).amax(dim=0), (local[:, :2] + slant).amin(dim=0)
        distance = float(((high - low) / (2 * slope)).max()) or reach
        target = center + (high + low) / 2 @ axes[:2]
        position = target + (2 * reach if orthographic else distance) * back
        view_height = 2 * tangent * distance if orthographic else None
        return cls(_vector(position), _vector(target), _vector(above), field_of_view, view_height, size)

    # -- matrices -----------------------------------------------------------------------------------------------------

    @property
    def extrinsics(self) -> Float[Tensor, "4 4"]:
        """Object frame → camera frame, homogeneous, float64; its inverse is the pose of the camera."""
        return self._extrinsics.clone()

    @property
    def intrinsics(self) -> Float[Tensor, "3 3"]:
        """Camera frame → pixels, float64: K·(x, y, z)/z for a pinhole, K·(x, y, 1) for an orthographic camera."""
        width, height = self.size
        return torch.tensor([[self._focal, 0, width / 2], [0, self._focal, height / 2], [0, 0, 1]], dtype=torch.float64)

    @cached_property
    def _extrinsics(self) -> Tensor:
        position, target, up = (torch.tensor(v, dtype=torch.float64) for v in (self.position, self.target, self.up))
        matrix = torch.eye(4, dtype=torch.float64)
        matrix[:3, :3] = _axes(target - position, up)
        matrix[:3, 3] = -matrix[:3, :3] @ position
        return matrix

    @cached_property
    def _focal(self) -> float:
        """Pixels per unit of the plane z = 1, or per length unit where rays are parallel."""
        return self.size[1] / (self.view_height or 2 * math.tan(math.radians(self.field_of_view) / 2))

    def project(self, points: Float[Tensor, "*batch 3"]) -> tuple[Float[Tensor, "*batch 2"], Float[Tensor, "*batch"]]:
        """Pixel coordinates (column, row) and depth of points; differentiable.

        Args:
            points: in the object frame. A pinhole sees only those of positive depth.

        Returns:
            Coordinates in pixels, and z-depth: the length along the optical axis, not along the ray.
        """
        matrix = self._extrinsics.to(points)
        local = points @ matrix[:3, :3].T + matrix[:3, 3]
        plane = local[..., :2] if self.view_height is not None else local[..., :2] / local[..., 2:]
        return plane * self._focal + plane.new_tensor(self.size) / 2, local[..., 2]


def rays(
    camera: Camera,
    pixels: Int[Tensor, " R"] | None = None,
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> tuple[Float[Tensor, "R 3"], Float[Tensor, "R 3"]]:
    """The rays through the centers of pixels.

    Args:
        camera: where they come from.
        pixels: which ones, numbered row by row from the top left; by default all.
        dtype: number type of the result.
        device: where the result lives.

    Returns:
        Origins and unit directions in the object frame.

    Example:
        >>> origins, directions = rays(Camera(position=(0, 0, 3), size=(3, 3)))
        >>> origins[4].tolist(), directions[4].tolist()
        ([0.0, 0.0, 3.0], [0.0, 0.0, -1.0])
    """
    width, height = camera.size
    pixels = torch.arange(width * height, device=device) if pixels is None else pixels.to(device)
    right, down, forward = camera._extrinsics[:3, :3].to(device, dtype)
    position = torch.tensor(camera.position, dtype=dtype, device=device)
    x = ((pixels % width).to(dtype) + (0.5 - width / 2)) / camera._focal
    y = ((pixels // width).to(dtype) + (0.5 - height / 2)) / camera._focal
    across = x[:, None] * right + y[:, None] * down
    if camera.view_height is not None:
        return position + across, forward.expand_as(across)
    return position.expand_as(across), torch.nn.functional.normalize(forward + across, dim=-1)


def _view_directions(view: tuple[Number, Number], up: str) -> tuple[Tensor, Tensor]:
    """From the object toward the camera, and what points up in its image, for azimuth and elevation in degrees."""
    azimuth, elevation = (math.radians(angle) for angle in _numbers("view", view, (2,)).tolist())
    side, front, height = math.sin(azimuth), math.cos(azimuth), math.sin(elevation)
    back = torch.tensor([math.cos(elevation) * side, height, math.cos(elevation) * front], dtype=torch.float64)
    # Perpendicular to the line of sight at every elevation, so that a view from above has an up, too.
    above = torch.tensor([-height * side, math.cos(elevation), -height * front], dtype=torch.float64)
    if up == "z":
        back, above = (torch.stack([x, -z, y]) for x, y, z in (back, above))
    return back, above


def _axes(forward: Tensor, up: Tensor) -> Tensor:
    """Rows: unit vectors right, down and forward of a camera that looks along ``forward``."""
    forward, up = torch.nn.functional.normalize(torch.stack([forward, up]), dim=1)
    right = torch.nn.functional.normalize(torch.linalg.cross(forward, up), dim=0)
    return torch.stack([right, torch.linalg.cross(forward, right), forward])


def _vector(tensor: Tensor) -> Vector:
    x, y, z = tensor.tolist()
    return x, y, z


def _numbers(name: str, value: Any, shape: tuple[int | None, ...]) -> Tensor:
    """``value`` as a float64 tensor on the CPU, after a check that it has this shape (None: any size) and is finite."""
    try:
        numbers = torch.as_tensor(value, dtype=torch.float64).detach().cpu()
    except (TypeError, ValueError, RuntimeError):
        numbers = torch.empty(0)
    fits = numbers.ndim == len(shape) and all(n is None or n == m for n, m in zip(shape, numbers.shape))
    if not fits or numbers.numel() == 0 or not bool(torch.isfinite(numbers).all()):
        wanted = " x ".join("N" if n is None else str(n) for n in shape)
        raise ValueError(f"{name} must be {wanted} finite numbers, got {describe(value)}")
    return numbers


def _check_field_of_view(degrees: Number) -> None:
    check_positive("field_of_view", degrees)
    if not degrees < 180:
        raise ValueError(f"field_of_view must be below 180 degrees, got {degrees}")


def _check_size(size: Any) -> None:
    if not isinstance(size, tuple) or len(size) != 2 or any(type(n) is not int or n < 1 for n in size):
        raise ValueError(f"size must be (width, height), two whole numbers of at least 1, got {size!r}")
