"""The paper's decoder: latent vector → the parameters of all convexes."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..shape import ConvexUnion
from .parameters import n_parameters, raw_of, union_of

_HIDDEN = (1024, 1024, 2048)
_SPREAD = 0.35  # translations start within ± this
_INRADII = (0.06, 0.2)  # of the convexes at the start
_FARTHEST = 1.4  # in units of its inradius, a half-space starts no farther
_START = 0.5  # scale of the last layer: how much the latent vector moves the first convexes


class MlpDecoder(nn.Module):
    """A multilayer perceptron that predicts all parameters of a union at once, in the unit frame.

    Unlike in the paper, training starts with convexes of different sizes all over the object, each with its half-spaces
    spread over all directions: from an ordinary start all of them are the same unbounded wedge.

    Args:
        latent: size of the latent vector.
        n_convexes: K.
        n_halfspaces: H.

    Source: CvxNet (Deng et al., CVPR 2020), section 4, with the sizes of the official code.

    Example:
        >>> MlpDecoder(latent=64, n_convexes=5, n_halfspaces=20)(torch.randn(3, 64))
        ConvexUnion(batch_size=(3,), n_convexes=5, n_halfspaces=20, torch.float32)
    """

    def __init__(self, latent: int, n_convexes: int, n_halfspaces: int) -> None:
        super().__init__()
        self.n_convexes, self.n_halfspaces = n_convexes, n_halfspaces
        layers: list[nn.Module] = []
        for n_in, n_out in zip((latent, *_HIDDEN), _HIDDEN):
            layers += [nn.Linear(n_in, n_out), nn.LeakyReLU(0.2)]  # the slope that TensorFlow has by default
        last = nn.Linear(_HIDDEN[-1], n_parameters(n_convexes, n_halfspaces))
        self.layers = nn.Sequential(*layers, last)
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)
        with torch.no_grad():
            last.weight.mul_(_START)
            last.bias.copy_(raw_of(_first_union(n_convexes, n_halfspaces)))

    def forward(self, latent: Float[Tensor, "B L"]) -> ConvexUnion:
        """The unions of a batch of latent vectors."""
        return union_of(self.layers(latent).float(), self.n_convexes, self.n_halfspaces)


def _first_union(k: int, h: int) -> ConvexUnion:
    """Round convexes of random sizes and places; half-spaces spread over the sphere, turned at random for each."""
    steps = torch.arange(h) + 0.5
    z = 1 - 2 * steps / h
    turn = math.pi * (1 + math.sqrt(5)) * steps  # the golden angle
    ring = (1 - z.square()).sqrt()
    spread = torch.stack([ring * turn.cos(), ring * turn.sin(), z], dim=-1)
    rotation = torch.linalg.qr(torch.randn(k, 3, 3)).Q
    inradius = _INRADII[0] + (_INRADII[1] - _INRADII[0]) * torch.rand(k, 1)
    offsets = -inradius * (1 + (_FARTHEST - 1) * torch.rand(k, h))
    translations = _SPREAD * (2 * torch.rand(k, 3) - 1)
    normals = nn.functional.normalize(spread @ rotation.mT, dim=-1)
    return ConvexUnion(normals, offsets, translations, torch.full((k,), 175.0), 75.0)
