"""Our decoder: one convex per anchor, predicted from what is around it, then fitted to the views plane by plane."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import gelu, normalize

from ..shape import ConvexUnion
from ..shape.free import free_union, kept_positive, softness
from .anchors import RADII, surface_anchors, surroundings
from .grid import GridFeatures
from .unit import UnitViews

_SIZE = 0.04  # of a convex before it has learned anything, unit frame
_FREQUENCIES = (1.0, 2.0, 4.0, 8.0)
# Where a plane is probed: along its normal, in units of the convex's inradius, and at five places across it.
_STEPS = (-1.2, -0.6, -0.3, -0.12, -0.04, 0.0, 0.04, 0.12, 0.3, 0.6, 1.2)
_ACROSS = 0.7
_LEAST_INRADIUS = 0.01  # of the scale of probes
_LEAST_OFFSET = 1e-3
_LEAST_SHARPNESS = 30.0  # unit frame
_THIN = 1 / 60  # thinner convexes are no sharper: the gradient must still find what they miss


class _Planes(NamedTuple):
    """Convexes of the unit frame as networks move them; distances are those of planes from `centers`, positive."""

    directions: Float[Tensor, "B K H 3"]  #: outward, of any length
    distances: Float[Tensor, "B K H"]
    centers: Float[Tensor, "B K 3"]
    roundness: Float[Tensor, "B K"]  #: raw

    def union(self, hardness: float) -> ConvexUnion:
        """The union, each convex as soft as it is thick."""
        inradius = self.distances.detach().amin(dim=-1).clamp(min=_THIN)
        soft = softness(inradius, hardness, 0.5 + self.roundness.sigmoid(), _LEAST_SHARPNESS)
        return free_union(self.directions, -self.distances, self.centers, *soft)


class AnchoredDecoder(nn.Module):
    """Latent vector, feature grids and the views themselves → K convexes.

    Most convexes start at anchors on the seen surface. What is around an anchor (evidence along rays on eight scales,
    grid features, the latent vector) becomes a token; tokens attend to each other, and each becomes a convex: its size,
    center, and the distances and tilts of H planes around fixed directions. A few more tokens without anchors place
    convexes where nothing was seen. Then the planes are fitted: the evidence is probed across each plane, and a small
    network shared by all planes moves it. Everything is relative to the anchor and to the size of the convex, so little
    data teaches much: a leg is a leg wherever it stands.

    Args:
        latent: size of the latent vector.
        n_channels: of all feature grids together.
        n_anchored: convexes that start at anchors.
        n_free: convexes that do not.
        width: size of a token.
        n_layers: of attention.
        n_fits: rounds of fitting planes.
    """

    rays: Tensor
    template: Tensor
    steps: Tensor

    def __init__(
        self,
        latent: int,
        n_channels: int,
        n_anchored: int = 40,
        n_free: int = 8,
        width: int = 192,
        n_layers: int = 3,
        n_fits: int = 2,
    ) -> None:
        super().__init__()
        self.n_anchored = n_anchored
        self.register_buffer("rays", _directions(3), persistent=False)
        self.register_buffer("template", _directions(2), persistent=False)
        self.register_buffer("steps", torch.tensor(_STEPS), persistent=False)
        h = len(self.template)
        n_around = len(self.rays) * len(RADII) + 1
        n_input = n_around + n_channels + latent + 3 + 3 * 2 * len(_FREQUENCIES)
        self.tokens = nn.Sequential(nn.Linear(n_input, 2 * width), nn.LeakyReLU(0.2), nn.Linear(2 * width, width))
        self.queries = nn.Parameter(0.5 * torch.randn(n_free, width))
        self.from_latent = nn.Linear(latent, width)
        layer = nn.TransformerEncoderLayer(
            width, 4, 2 * width, dropout=0.0, activation=gelu, batch_first=True, norm_first=True
        )
        self.attention = nn.TransformerEncoder(layer, n_layers, enable_nested_tensor=False)
        self.places = nn.Linear(width, 3)
        self.convexes = _nearly_zero(nn.Linear(width, 5 + 4 * h))
        self.fits = nn.ModuleList(_PlaneFit(width, 5 * len(_STEPS)) for _ in range(n_fits))

    def forward(
        self, unit: UnitViews, latent: Float[Tensor, "B L"], grids: GridFeatures, hardness: float
    ) -> list[ConvexUnion]:
        """The unions after each stage, the last one best; unit frame.

        Args:
            unit: the views.
            latent: of the encoder.
            grids: of the encoder.
            hardness: sharpness of each convex in units of 1 / its inradius.
        """
        with torch.no_grad():
            anchors = surface_anchors(unit, self.n_anchored)
            around = surroundings(unit, anchors.positions, self.rays)
        own = [
            around,
            grids.at(anchors.positions),
            latent[:, None].expand(-1, self.n_anchored, -1),
            anchors.directions,
            _waves(anchors.positions),
        ]
        free = self.from_latent(latent)[:, None] + self.queries
        tokens = self.attention(torch.cat([self.tokens(torch.cat(own, dim=-1)), free], dim=1))
        places = torch.cat([anchors.positions, 0.5 * self.places(tokens[:, self.n_anchored :]).float().tanh()], dim=1)
        planes = self._decode(tokens, places)
        stages = [planes.union(hardness)]
        for fit in self.fits:
            planes = self._fit(fit, unit, tokens, planes, stages[-1].normals)
            stages.append(planes.union(hardness))
        return stages

    def _decode(self, tokens: Float[Tensor, "B K W"], places: Float[Tensor, "B K 3"]) -> _Planes:
        h = len(self.template)
        shift, size, roundness, far, tilt = self.convexes(tokens).float().split([3, 1, 1, h, 3 * h], dim=-1)
        size = _SIZE * size.clamp(-3, 3).exp()
        # At first the six planes along the axes make a box, whose edges the others leave alone.
        first = torch.where(torch.arange(h, device=far.device) < 6, 1.0, 1.5)
        return _Planes(
            self.template + 0.5 * tilt.unflatten(-1, (h, 3)),
            size * first * far.clamp(-3, 3).exp(),
            places + 2 * size * shift.clamp(-5, 5),
            roundness[..., 0],
        )

    def _fit(self, fit: nn.Module, unit: UnitViews, tokens: Tensor, planes: _Planes, normals: Tensor) -> _Planes:
        with torch.no_grad():
            scale = planes.distances.amin(dim=-1, keepdim=True)
            least = scale.clamp(min=_LEAST_INRADIUS)[..., None]
            n = normals
            helper = torch.where(n[..., :1].abs() < 0.8, n.new_tensor([1.0, 0, 0]), n.new_tensor([0, 1.0, 0]))
            u = normalize(torch.cross(n, helper, dim=-1), dim=-1)
            w = torch.cross(n, u, dim=-1)
            across = torch.stack([torch.zeros_like(u), u, -u, w, -w], dim=-2) * _ACROSS * scale[..., None, None]
            foot = planes.centers[..., None, :] + n * planes.distances[..., None]
            along = n[..., None, None, :] * self.steps[:, None] * least[..., None, None]
            places = foot[..., None, None, :] + across[..., None, :] + along
            hidden = unit.evidence(places.flatten(1, -2)).hidden.unflatten(-1, (*n.shape[1:3], -1))
            probes = (hidden / (0.3 * least)).clamp(-1, 1)
            own = [probes, n, (planes.distances[..., None] / least).log(), least.log().expand(-1, -1, n.shape[2], 1)]
        shift, tilt = fit(tokens, torch.cat(own, dim=-1)).float().split([1, 3], dim=-1)
        distances = planes.distances + 0.5 * least[..., 0] * shift[..., 0]
        return planes._replace(directions=normals + 0.3 * tilt, distances=kept_positive(distances, _LEAST_OFFSET))


class _PlaneFit(nn.Module):
    """How to move a plane, from what is known of the places around it and of its convex; one network for all planes."""

    def __init__(self, width: int, n_probes: int) -> None:
        super().__init__()
        self.from_token = nn.Linear(width, 64)
        self.move = nn.Sequential(
            *(nn.Linear(n_probes + 64 + 5, 96), nn.LeakyReLU(0.2)),
            *(nn.Linear(96, 64), nn.LeakyReLU(0.2), _nearly_zero(nn.Linear(64, 4))),
        )

    def forward(self, tokens: Float[Tensor, "B K W"], own: Float[Tensor, "B K H F"]) -> Float[Tensor, "B K H 4"]:
        token = self.from_token(tokens)[..., None, :].expand(*own.shape[:3], -1)
        return self.move(torch.cat([own, token], dim=-1))


def _nearly_zero(layer: nn.Linear) -> nn.Linear:
    """Start from the shapes that the constants describe."""
    nn.init.normal_(layer.weight, std=0.01)
    nn.init.zeros_(layer.bias)
    return layer


def _directions(most: int) -> Float[Tensor, "D 3"]:
    """Unit vectors from the middle of a cube to its faces, edges and, for ``most`` = 3, corners, in this order."""
    steps = torch.tensor([-1.0, 0.0, 1.0])
    all_of_them = torch.cartesian_prod(steps, steps, steps)
    n_axes = all_of_them.abs().sum(dim=-1)
    return torch.cat([normalize(all_of_them[n_axes == n], dim=-1) for n in range(1, most + 1)])


def _waves(points: Float[Tensor, "B K 3"]) -> Float[Tensor, "B K F"]:
    phase = (points[..., None] * (math.pi * torch.tensor(_FREQUENCIES, device=points.device))).flatten(-2)
    return torch.cat([phase.sin(), phase.cos()], dim=-1)
