"""One smooth convex: its deepest point, and the mesh of its surface Φ = 0."""

import manifold3d
import numpy as np

_NEWTON_STEPS = 60
_REFINEMENTS = 32


class SmoothConvex:
    """Φ of one convex in its local frame, float64, with what is needed to find its surface."""

    def __init__(self, normals: np.ndarray, offsets: np.ndarray, smoothness: float) -> None:
        self.normals, self.offsets, self.smoothness = normals, offsets, smoothness

    def evaluate(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Φ (N,) and the weights of the planes (N, H), which sum to 1; the gradient of Φ is weights @ normals."""
        distances = points @ self.normals.T + self.offsets
        largest = distances.max(axis=1, keepdims=True)
        weights = np.exp(self.smoothness * (distances - largest))
        total = weights.sum(axis=1, keepdims=True)
        return (largest + np.log(total) / self.smoothness)[:, 0], weights / total

    def deepest_point(self, start: np.ndarray, size: float) -> tuple[np.ndarray, float]:
        """Minimize Φ by damped Newton steps; the point and −Φ there.

        Stops early when Φ is proved to be nonnegative everywhere or nearly least: Φ is convex, so over a convex of
        diameter √3·size it falls below Φ(x) by at most |∇Φ(x)| √3·size.
        """
        point, damping = start, 1.0 / size
        phi, weights = self.evaluate(point[None])
        for _ in range(_NEWTON_STEPS):
            gradient = weights[0] @ self.normals
            possible_fall = float(np.linalg.norm(gradient)) * np.sqrt(3) * size
            if possible_fall <= max(phi[0], -0.1 * phi[0]):
                break
            hessian = self.smoothness * ((self.normals.T * weights[0]) @ self.normals - np.outer(gradient, gradient))
            candidate = point - np.linalg.solve(hessian + damping * np.eye(3), gradient)
            candidate_phi, candidate_weights = self.evaluate(candidate[None])
            if candidate_phi[0] < phi[0]:
                point, phi, weights, damping = candidate, candidate_phi, candidate_weights, damping / 4
            else:
                damping *= 8
        return point, -float(phi[0])

    def exits(self, starts: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """Where rays from points inside meet Φ = 0.

        Along a ray Φ is convex, negative at the start and nonnegative where the ray leaves the exact polytope; Newton
        steps from there never pass the root.

        Args:
            starts: (N, 3) or (3,), with Φ < 0.
            directions: (N, 3).
        """
        slopes = directions @ self.normals.T
        with np.errstate(divide="ignore"):
            reach = np.where(slopes > 0, -(starts @ self.normals.T + self.offsets) / slopes, np.inf).min(axis=1)
        points = starts + reach[:, None] * directions
        rounding = 8e-15 * float(np.abs(points).max())
        for _ in range(_NEWTON_STEPS):
            phi, weights = self.evaluate(points)
            reach = reach - phi / ((weights @ self.normals) * directions).sum(axis=1)
            points = starts + reach[:, None] * directions
            if np.abs(phi).max() <= rounding:
                break
        return points

    def far_above(self, points: np.ndarray, directions: np.ndarray, tolerance: float) -> np.ndarray:
        """Points of the surface above those of the given points that it may be farther above than the tolerance.

        Along a direction Φ is convex: it rises at least as it does at the start, so the surface is no farther away than
        −Φ divided by that slope.
        """
        phi, weights = self.evaluate(points)
        slopes = ((weights @ self.normals) * directions).sum(axis=1)
        far = -phi * np.linalg.norm(directions, axis=1) > tolerance * slopes
        return self.exits(points[far], directions[far]) if far.any() else points[far]


def inscribed_mesh(
    convex: SmoothConvex, center: np.ndarray, targets: np.ndarray, tolerance: float
) -> tuple[np.ndarray, np.ndarray]:
    """A convex mesh with its vertices on Φ = 0, refined until it is as close to that surface as the tolerance demands.

    Starts with the hull of the surface points on the rays from the center through the targets. As long as the surface
    is too far above the middles of some edges, or else above the centers of some triangles, those points of it join the
    hull. How far it is above a triangle is a concave function that vanishes at the corners, so nowhere on the triangle
    it is more than three times that at the center.

    Args:
        convex: in its local frame, as are all points here.
        center: a point with Φ < 0.
        targets: (N, 3) points on all sides of the center: corners of the exact polytope and middles of its faces.
        tolerance: greatest distance above the center of a triangle and the middle of an edge.

    Returns:
        Vertices (V, 3) and triangles (F, 3), counter-clockwise seen from outside; none if they are too close together.
    """
    points = convex.exits(center, targets - center)
    for _ in range(_REFINEMENTS):
        mesh = manifold3d.Manifold.hull_points(points).to_mesh64()
        vertices, triangles = np.array(mesh.vert_properties), np.array(mesh.tri_verts, dtype=np.int64)
        a, b, c = np.moveaxis(vertices[triangles], 1, 0)
        normals = np.cross(b - a, c - a)
        normals /= np.linalg.norm(normals, axis=1, keepdims=True) + np.finfo(float).tiny
        edges, left, right = _edges(triangles)
        new = convex.far_above(vertices[edges].mean(axis=1), normals[left] + normals[right], tolerance)
        if not len(new):
            new = convex.far_above((a + b + c) / 3, normals, tolerance)
        if not len(new):
            break
        points = np.concatenate([vertices, new])
    return vertices, triangles


def _edges(triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edges (E, 2) of a closed mesh with the triangles (E,) on their two sides."""
    halves = triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    # The triangles of an edge run through it in opposite directions: sorted alike, both lists hold the same edges.
    low, high = halves.min(axis=1), halves.max(axis=1)
    order = np.lexsort((halves[:, 0] > halves[:, 1], high, low)).reshape(-1, 2)
    return halves[order[:, 0]], order[:, 0] // 3, order[:, 1] // 3
