"""Who competes in making meshes of a shape, and in tracing rays against it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import trimesh
from scipy.spatial import ConvexHull, HalfspaceIntersection
from skimage.measure import marching_cubes

import cvxgeom
from cvxgeom import ops

from .contender import Contender, Job, Unavailable
from .contenders import by_backend, sample_grid
from .workloads import Inputs

Bodies = list[tuple[np.ndarray, np.ndarray]]  # vertices and triangles of closed bodies


def convex_union(inputs: Inputs) -> cvxgeom.ConvexUnion:
    """The workload's shape."""
    return cvxgeom.ConvexUnion(*inputs.planes, inputs.sharpness)


def volume(bodies: Bodies) -> float:
    """Sum of the volumes of closed bodies."""
    corners = [np.asarray(v, dtype=np.float64)[f].transpose(1, 0, 2) for v, f in bodies]
    return float(sum(abs(np.einsum("ti,ti->", a, np.cross(b, c))) / 6 for a, b, c in corners))


def _relative_volume(find: Callable[[Inputs], float]) -> Callable[[Inputs, Any, Any], float]:
    """Error of the volume against what another way finds."""

    def error(inputs: Inputs, found: Bodies, _: Any) -> float:
        wanted = find(inputs)
        return abs(volume(found) / wanted - 1)

    return error


# -- meshes -----------------------------------------------------------------------------------------------------------


def exact_parts(inputs: Inputs) -> Bodies:
    """Vertices and triangles of the polytopes, which also know their status, faces and planes."""
    return [(part.vertices.numpy(), part.triangles) for part in convex_union(inputs).polytopes()]


def _marched(inputs: Inputs, values: torch.Tensor) -> Bodies:
    grid = values.reshape((inputs.resolution,) * 3).cpu().numpy()
    in_cells, triangles, _, _ = marching_cubes(grid, 0.0, gradient_direction="descent")
    return [(inputs.lower[0] + inputs.spacing * in_cells, triangles)]


def official_route(inputs: Inputs) -> Bodies:
    """All nodes by eager PyTorch, then marching cubes."""
    axis = torch.linspace(inputs.lower[0], -inputs.lower[0], inputs.resolution, device=inputs.normals.device)
    nodes = torch.cartesian_prod(axis, axis, axis)
    with torch.no_grad(), ops.backend("reference"):
        return _marched(inputs, ops.union_sdf(nodes, *inputs.planes))


def scipy_parts(inputs: Inputs) -> Bodies:
    """Half-space intersection about each translation, which is inside, then the hull of its corners."""
    bodies = []
    for normals, offsets, translation in zip(*(t.double().cpu().numpy() for t in inputs.planes[:3])):
        corners = HalfspaceIntersection(np.column_stack([normals, offsets]), np.zeros(3)).intersections
        hull = ConvexHull(corners)
        centered = hull.points[hull.simplices] - hull.points[hull.vertices].mean(axis=0)
        inward = np.einsum("ti,ti->t", np.cross(centered[:, 0], centered[:, 1]), centered[:, 2]) < 0
        triangles = np.where(inward[:, None], hull.simplices[:, ::-1], hull.simplices)
        bodies.append((corners + translation, triangles))
    return bodies


def manifold_union(inputs: Inputs) -> Bodies:
    """The corners of `scipy_parts` as hulls of manifold, united."""
    from manifold3d import Manifold, OpType

    hulls = [Manifold.hull_points(vertices) for vertices, _ in scipy_parts(inputs)]
    mesh = Manifold.batch_boolean(hulls, OpType.Add).to_mesh()
    return [(mesh.vert_properties[:, :3], mesh.tri_verts)]


def _bodies(meshes: list[trimesh.Trimesh]) -> Bodies:
    return [(mesh.vertices, mesh.faces) for mesh in meshes]


def extraction_contenders() -> list[Contender]:
    """Meshes of the smooth level set on a grid, of the exact parts, and of their union; checked by their volumes."""

    def of(
        route: Callable[[Inputs], Bodies], wanted: Callable[[Inputs], Bodies], note: str, name: str, **options: Any
    ) -> Contender:
        error = _relative_volume(lambda inputs: volume(wanted(inputs)))
        return Contender(name, lambda inputs: lambda: route(inputs), note, error, **options)

    def meshed(surface: str) -> Callable[[Inputs], Bodies]:
        def route(inputs: Inputs) -> Bodies:
            made = cvxgeom.to_trimesh(convex_union(inputs), surface=surface)
            return _bodies(made if isinstance(made, list) else [made])

        return route

    def dense(inputs: Inputs) -> Bodies:
        return _marched(inputs, sample_grid(inputs))

    def surface_only(inputs: Inputs) -> Bodies:
        return _marched(inputs, sample_grid(inputs, True))

    return [
        of(official_route, dense, "eager at all nodes, in pieces, then marching cubes", "official route"),
        of(dense, surface_only, "sample_grid, then the same marching cubes", "ours, dense grid"),
        of(surface_only, dense, "sample_grid cut to one spacing, then the same marching cubes", "ours, surface only"),
        of(
            meshed("smooth"),
            lambda inputs: dense(replace(inputs, resolution=max(128, inputs.resolution))),
            'level set without a grid: to_trimesh(shape, "smooth")',
            "ours, smooth",
            tolerance=0.01,  # what the grid rounds off and cuts off
        ),
        of(scipy_parts, meshed("parts"), "exact parts: HalfspaceIntersection and ConvexHull of each", "scipy parts"),
        of(exact_parts, scipy_parts, "exact parts: shape.polytopes()", "ours, parts"),
        of(meshed("parts"), scipy_parts, 'exact parts with colors: to_trimesh(shape, "parts")', "ours, part meshes"),
        of(manifold_union, meshed("union"), "exact union: scipy parts, hulls and union by manifold", "manifold union"),
        of(meshed("union"), manifold_union, 'exact union: to_trimesh(shape, "union")', "ours, union"),
    ]


def marching_contenders() -> list[Contender]:
    """The level set on a grid too fine for eager PyTorch, from our two ways of sampling it."""
    return [c for c in extraction_contenders() if c.name in ("ours, dense grid", "ours, surface only")]


# -- rays -------------------------------------------------------------------------------------------------------------


def _cast(inputs: Inputs) -> tuple[torch.Tensor, ...]:
    assert inputs.directions is not None
    with torch.no_grad():
        return (ops.raycast(inputs.points, inputs.directions, *inputs.planes[:3]).distance,)


def embree(inputs: Inputs) -> Job:
    """Embree on the mesh of the exact union, its tree built beforehand; distances only, all rays in one call."""
    try:
        from embreex.mesh_construction import TriangleMesh
        from embreex.rtcore_scene import EmbreeScene
    except ImportError as error:
        raise Unavailable("not installed: pip install 'cvxgeom[render]'") from error
    if inputs.points.is_cuda:
        raise Unavailable("embree runs on the CPU")
    assert inputs.directions is not None
    mesh = cvxgeom.to_trimesh(convex_union(inputs), surface="union")
    scene = EmbreeScene()
    TriangleMesh(scene, mesh.triangles.astype(np.float32))
    origins, directions = inputs.points.numpy(), inputs.directions.numpy()

    def job() -> tuple[torch.Tensor, ...]:
        return (torch.from_numpy(scene.run(origins, directions, query="DISTANCE")),)

    return job


def embree_threads(inputs: Inputs) -> Job:
    """The same with one part of the rays per thread: its call releases the interpreter's lock where it can."""
    assert inputs.directions is not None
    n = torch.get_num_threads()
    parts = zip(inputs.points.chunk(n), inputs.directions.chunk(n))
    jobs = [embree(replace(inputs, points=points, directions=directions)) for points, directions in parts]
    pool = ThreadPoolExecutor(n)

    def job() -> tuple[torch.Tensor, ...]:
        return (torch.cat([found for (found,) in pool.map(lambda part: part(), jobs)]),)

    return job


def _disagreeing(inputs: Inputs, found: tuple[torch.Tensor, ...], wanted: tuple[torch.Tensor, ...]) -> float:
    """Share of rays whose distances differ by more than 1e-3: those along silhouettes may see either side."""
    far = 1e6  # embree says 1e37 where nothing is hit
    return float(((found[0].clamp(max=far) - wanted[0].clamp(max=far)).abs() > 1e-3).float().mean())


def raycast_contenders() -> list[Contender]:
    """First hits of a picture's rays with the exact union."""
    return [
        Contender("eager", by_backend("reference", _cast), 'backend("reference"), over rays in pieces', _disagreeing),
        Contender("embree", embree, "mesh and tree made beforehand; distances only", _disagreeing),
        Contender("embree, threads", embree_threads, "the rays split among Python threads", _disagreeing),
        Contender("ours", by_backend("auto", _cast), "distance, normal and part", _disagreeing),
    ]
