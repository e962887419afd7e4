"""Deliberately bad inputs, the same for a seed."""

import itertools
from collections.abc import Callable, Iterator

import numpy as np
import trimesh

Rng = np.random.Generator


def bad_meshes(n: int, seed: int = 0) -> Iterator[tuple[str, trimesh.Trimesh]]:
    """n meshes and what is bad about each; every kind has its turn before any has another."""
    for number, (kind, make) in zip(range(n), itertools.cycle(KINDS.items())):
        yield kind, make(np.random.default_rng([seed, number]))


def _mesh(vertices: np.ndarray, faces: np.ndarray) -> trimesh.Trimesh:
    return trimesh.Trimesh(vertices, faces, process=False)


def _joined(*meshes: trimesh.Trimesh) -> trimesh.Trimesh:
    firsts = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes])
    return _mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.faces + first for mesh, first in zip(meshes, firsts)]),
    )


def _changed(
    mesh: trimesh.Trimesh, vertices: np.ndarray | None = None, faces: np.ndarray | None = None
) -> trimesh.Trimesh:
    return _mesh(
        np.array(mesh.vertices if vertices is None else vertices), np.array(mesh.faces if faces is None else faces)
    )


def _good(rng: Rng) -> trimesh.Trimesh:
    """A plain solid, turned and moved a little."""
    kinds = (
        lambda: trimesh.creation.box(rng.uniform(0.2, 1, 3)),
        lambda: trimesh.creation.icosphere(2, 0.5),
        lambda: trimesh.creation.torus(0.4, 0.15, major_sections=16, minor_sections=8),
        lambda: trimesh.creation.cylinder(0.3, 1.0, sections=12),
    )
    mesh = kinds[rng.integers(len(kinds))]()
    turn = trimesh.transformations.random_rotation_matrix(rng.random(3))
    return _changed(mesh, mesh.vertices @ turn[:3, :3].T + rng.uniform(-1, 1, 3))


def _moved(mesh: trimesh.Trimesh, by: np.ndarray | list[float]) -> trimesh.Trimesh:
    return _changed(mesh, mesh.vertices + np.asarray(by))


def _self_intersecting(rng: Rng) -> trimesh.Trimesh:
    mesh = _good(rng)
    return _changed(mesh, mesh.vertices + rng.normal(0, 0.15, mesh.vertices.shape))


def _inside_out(rng: Rng) -> trimesh.Trimesh:
    mesh = _good(rng)
    return _changed(mesh, faces=mesh.faces[:, ::-1])


def _zero_area_faces(rng: Rng) -> trimesh.Trimesh:
    mesh = _good(rng)
    some = rng.integers(len(mesh.vertices), size=(20, 2))
    return _changed(mesh, faces=np.concatenate([mesh.faces, some[:, [0, 1, 1]], some[:, [0, 0, 0]]]))


def _only_zero_area(rng: Rng) -> trimesh.Trimesh:
    along = rng.random((30, 1)) * rng.normal(size=3)
    return _mesh(along, rng.integers(30, size=(20, 3)))


def _nan(rng: Rng) -> trimesh.Trimesh:
    mesh = _good(rng)
    vertices = np.array(mesh.vertices)
    vertices[rng.integers(len(vertices)), rng.integers(3)] = rng.choice([np.nan, np.inf, -np.inf])
    return _changed(mesh, vertices)


def _duplicated(rng: Rng) -> trimesh.Trimesh:
    mesh = _good(rng)
    copies = [_moved(mesh, rng.choice([0, 1e-12, 1e-4], p=[0.6, 0.2, 0.2]) * rng.normal(size=3)) for _ in range(4)]
    return _joined(*copies)


def _fins(rng: Rng) -> trimesh.Trimesh:
    """Edges with three faces."""
    mesh = _good(rng)
    tips = mesh.vertices[mesh.faces[:5, 0]] + rng.normal(0, 0.3, (5, 3))
    fins = np.column_stack([mesh.faces[:5, :2], len(mesh.vertices) + np.arange(5)])
    return _mesh(np.concatenate([mesh.vertices, tips]), np.concatenate([mesh.faces, fins]))


def _touching(rng: Rng) -> trimesh.Trimesh:
    """Two boxes that share a corner, an edge or a face, with the vertices there merged."""
    step = np.array([[1, 1, 1], [1, 1, 0], [1, 0, 0]])[rng.integers(3)]
    both = _joined(trimesh.creation.box(), _moved(trimesh.creation.box(), step))
    both.merge_vertices()
    return both


def _one_triangle(rng: Rng) -> trimesh.Trimesh:
    return _mesh(rng.normal(size=(3, 3)), np.array([[0, 1, 2]]))


def _few_triangles(rng: Rng) -> trimesh.Trimesh:
    return _mesh(rng.normal(size=(4, 3)), np.array([[0, 1, 2], [0, 1, 3], [1, 2, 3]][: rng.integers(2, 4)]))


def _tiny_unit(rng: Rng) -> trimesh.Trimesh:
    mesh = _good(rng)
    return _changed(mesh, mesh.vertices * rng.choice([1e-9, 1e-12, 1e-30]))


def _huge_unit(rng: Rng) -> trimesh.Trimesh:
    mesh = _good(rng)
    return _changed(mesh, mesh.vertices * rng.choice([1e9, 1e12, 1e30]))


def _beyond_numbers(rng: Rng) -> trimesh.Trimesh:
    """Squares of its coordinates overflow or vanish."""
    mesh = _good(rng)
    return _changed(mesh, mesh.vertices * rng.choice([1e-200, 1e-310, 1e160, 1e300]))


def _empty(rng: Rng) -> trimesh.Trimesh:
    return _mesh(rng.normal(size=(rng.integers(0, 4), 3)), np.zeros((0, 3), dtype=np.int64))


def _far_away(rng: Rng) -> trimesh.Trimesh:
    return _moved(_good(rng), rng.choice([1e4, 1e6, 1e8, 1e12]) * rng.normal(size=3))


def _slivers(rng: Rng) -> trimesh.Trimesh:
    mesh = _good(rng)
    return _changed(mesh, mesh.vertices * rng.permutation([1.0, rng.choice([1.0, 1e-3]), 10.0 ** -rng.integers(3, 8)]))


def _coplanar_soup(rng: Rng) -> trimesh.Trimesh:
    flat = rng.normal(size=(60, 2)) @ np.linalg.qr(rng.normal(size=(3, 3)))[0][:2]
    return _mesh(flat + rng.choice([0, 1e-12, 1e-7]) * rng.normal(size=(60, 3)), np.arange(60).reshape(-1, 3))


def _sheet(rng: Rng) -> trimesh.Trimesh:
    """An open, curved sheet."""
    n = 12
    x, y = np.meshgrid(np.linspace(-1, 1, n), np.linspace(-1, 1, n), indexing="ij")
    bent = rng.normal() * x * y + rng.normal() * x**2 + 0.3 * rng.normal() * np.sin(4 * y)
    corner = np.add.outer(np.arange(n - 1) * n, np.arange(n - 1)).ravel()
    faces = np.concatenate([corner[:, None] + [0, n, 1], corner[:, None] + [1, n, n + 1]])
    return _mesh(np.column_stack([x.ravel(), y.ravel(), bent.ravel()]), faces)


def _one_sided(rng: Rng) -> trimesh.Trimesh:
    """A Klein bottle (a closed surface without an inside) or a Möbius strip."""
    n, m = 32, 16
    u, v = np.meshgrid(np.arange(n) * 2 * np.pi / n, np.arange(m) * 2 * np.pi / m, indexing="ij")
    if rng.random() < 0.5:
        r = 2 + np.cos(u / 2) * np.sin(v) - np.sin(u / 2) * np.sin(2 * v)
        z = np.sin(u / 2) * np.sin(v) + np.cos(u / 2) * np.sin(2 * v)
    else:
        width = (v / np.pi - 1) * 0.4
        r, z = 1 + width * np.cos(u / 2), width * np.sin(u / 2)
    vertices = np.stack([r * np.cos(u), r * np.sin(u), z], axis=-1).reshape(-1, 3)
    a = np.arange(n * m).reshape(n, m)
    b = np.concatenate([a[1:], (a[:1, (-np.arange(m)) % m])])  # the ends are glued the other way round
    a2, b2 = np.roll(a, -1, axis=1), np.roll(b, -1, axis=1)
    quads = np.stack([a, b, b2, a2], axis=-1).reshape(-1, 4)
    return _mesh(vertices, np.concatenate([quads[:, :3], quads[:, [0, 2, 3]]]))


def _nested(rng: Rng) -> trimesh.Trimesh:
    """Shells in shells, turned this way or that."""
    shells = []
    for radius in np.linspace(1, 0.2, int(rng.integers(2, 6))):
        shell = trimesh.creation.icosphere(1, radius)
        shells.append(_changed(shell, faces=shell.faces[:, :: rng.choice([1, -1])]))
    return _joined(*shells)


def _soup(rng: Rng) -> trimesh.Trimesh:
    return _mesh(rng.normal(size=(90, 3)), np.arange(90).reshape(-1, 3))


def _holes(rng: Rng) -> trimesh.Trimesh:
    mesh = _good(rng)
    return _changed(mesh, faces=mesh.faces[rng.random(len(mesh.faces)) < rng.uniform(0.3, 0.95)])


def _mixed_winding(rng: Rng) -> trimesh.Trimesh:
    mesh = _good(rng)
    return _changed(mesh, faces=np.where(rng.random((len(mesh.faces), 1)) < 0.5, mesh.faces, mesh.faces[:, ::-1]))


def _mixed_scales(rng: Rng) -> trimesh.Trimesh:
    small = _good(rng)
    small = _changed(small, small.vertices * 10.0 ** -rng.integers(3, 9))
    return _joined(_good(rng), _moved(small, rng.choice([2.0, 1e3, 1e6]) * rng.normal(size=3)))


def _thin(rng: Rng) -> trimesh.Trimesh:
    """A plate or a closed shell with hardly a wall."""
    wall = 10.0 ** -rng.integers(3, 13)
    if rng.random() < 0.5:
        return trimesh.creation.box((1, 1, wall))
    outer, inner = trimesh.creation.icosphere(2, 1.0), trimesh.creation.icosphere(2, 1.0 - wall)
    return _joined(outer, _changed(inner, faces=inner.faces[:, ::-1]))


def _unused_vertices(rng: Rng) -> trimesh.Trimesh:
    mesh = _good(rng)
    stray = np.array([[np.nan] * 3, [1e300] * 3, [np.inf] * 3])
    return _changed(mesh, np.concatenate([mesh.vertices, stray]))


def _point_or_line(rng: Rng) -> trimesh.Trimesh:
    vertices = np.ones((12, 3)) if rng.random() < 0.5 else np.linspace(0, 1, 12)[:, None] * rng.normal(size=3)
    return _mesh(vertices, np.arange(12).reshape(-1, 3))


def _spike(rng: Rng) -> trimesh.Trimesh:
    mesh = _good(rng)
    vertices = np.array(mesh.vertices)
    vertices[0] += rng.choice([10.0, 1e3, 1e6]) * rng.normal(size=3)
    return _changed(mesh, vertices)


def _crumbs(rng: Rng) -> trimesh.Trimesh:
    """Hundreds of loose pieces."""
    pieces = [
        _mesh(rng.normal(0, 0.02, (4, 3)) + rng.random(3), np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1], [1, 3, 2]]))
        for _ in range(200)
    ]
    return _joined(*pieces)


def _folded(rng: Rng) -> trimesh.Trimesh:
    """Closed, but pressed flat onto itself."""
    mesh = _good(rng)
    vertices = np.array(mesh.vertices)
    vertices[:, rng.integers(3)] = 0.5
    return _changed(mesh, vertices)


KINDS: dict[str, Callable[[Rng], trimesh.Trimesh]] = {
    "self-intersecting": _self_intersecting,
    "inside out": _inside_out,
    "some faces without area": _zero_area_faces,
    "no face with an area": _only_zero_area,
    "NaN or infinite": _nan,
    "duplicated": _duplicated,
    "edges with three faces": _fins,
    "touching in a corner, an edge or a face": _touching,
    "one triangle": _one_triangle,
    "two or three triangles": _few_triangles,
    "tiny unit": _tiny_unit,
    "huge unit": _huge_unit,
    "squares overflow or vanish": _beyond_numbers,
    "empty": _empty,
    "far from the origin": _far_away,
    "flattened": _slivers,
    "soup in a plane": _coplanar_soup,
    "open sheet": _sheet,
    "one-sided": _one_sided,
    "nested shells": _nested,
    "soup": _soup,
    "holes": _holes,
    "mixed winding": _mixed_winding,
    "mixed scales": _mixed_scales,
    "hardly a wall": _thin,
    "stray vertices": _unused_vertices,
    "point or line": _point_or_line,
    "spike": _spike,
    "crumbs": _crumbs,
    "pressed flat": _folded,
}
