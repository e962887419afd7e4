"""Which cells of a regular grid do triangles touch: two dimensions and three, vectorized, nothing missed."""

import numpy as np


def expand(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Owner and running number of every item when owner i has ``counts[i]`` items.

    Example:
        >>> [column.tolist() for column in expand(np.array([2, 0, 3]))]
        [[0, 0, 2, 2, 2], [0, 1, 0, 1, 2]]
    """
    owner = np.repeat(np.arange(len(counts)), counts)
    return owner, np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)


def cells_in_plane(triangles: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Cells of a plane grid that each triangle touches.

    Every row of cells cuts a strip out of a triangle; the strip's extent along the row gives a run of cells.

    Args:
        triangles: (F, 3, 2) corners in units of one cell; what lies outside the grid counts for its border cells.
        shape: number of cells along the first and second axis.

    Returns:
        Triangle index (P,) and cell (P, 2) of each pair, sorted by triangle.

    Example:
        >>> owner, cells = cells_in_plane(np.array([[[0.5, 0.5], [1.5, 0.5], [0.5, 1.5]]]), (4, 4))
        >>> cells.tolist()
        [[0, 0], [1, 0], [0, 1], [1, 1]]
    """
    size = np.array(shape)
    low = np.clip(np.floor(triangles[:, :, 1].min(axis=1)), 0, size[1] - 1).astype(np.int64)
    high = np.clip(np.floor(triangles[:, :, 1].max(axis=1)), 0, size[1] - 1).astype(np.int64)
    owner, step = expand(high - low + 1)
    row = low[owner] + step
    # the border rows reach to infinity, so that a triangle outside still meets its row
    bottom = np.where(row == 0, -np.inf, row)[:, None]
    top = np.where(row == size[1] - 1, np.inf, row + 1.0)[:, None]
    start = triangles[owner]
    delta = np.roll(start, -1, axis=1) - start
    with np.errstate(divide="ignore", invalid="ignore"):
        enter = (bottom - start[:, :, 1]) / delta[:, :, 1]
        leave = (top - start[:, :, 1]) / delta[:, :, 1]
    enter, leave = np.fmin(enter, leave), np.fmax(enter, leave)
    level = delta[:, :, 1] == 0  # an edge along the row is in the strip as a whole or not at all
    inside = level & (start[:, :, 1] >= bottom) & (start[:, :, 1] <= top)
    enter = np.where(level, np.where(inside, 0.0, 2.0), np.maximum(enter, 0.0))
    leave = np.where(level, np.where(inside, 1.0, -1.0), np.minimum(leave, 1.0))
    missed = enter > leave
    first = start[:, :, 0] + np.where(missed, 0.0, enter) * delta[:, :, 0]
    last = start[:, :, 0] + np.where(missed, 0.0, leave) * delta[:, :, 0]
    left = np.where(missed, np.inf, np.minimum(first, last)).min(axis=1)
    right = np.where(missed, -np.inf, np.maximum(first, last)).max(axis=1)
    # rounding may let all edges miss a strip that the triangle only grazes
    grazed = left > right
    left[grazed] = right[grazed] = start[grazed, 0, 0]
    begin = np.clip(np.floor(left - 1e-9), 0, size[0] - 1).astype(np.int64)
    end = np.clip(np.floor(right + 1e-9), 0, size[0] - 1).astype(np.int64)
    run, step = expand(end - begin + 1)
    return owner[run], np.stack([begin[run] + step, row[run]], axis=1)


def cells_in_space(triangles: np.ndarray, shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Cells of a space grid that each triangle touches (a few more along its rim, none fewer).

    A triangle is rasterized along the axis that its normal is closest to; there its plane rises by at most one cell per
    cell in each direction, so that every cell of the plane grid holds a short run of cells in depth.

    Args:
        triangles: (F, 3, 3) corners in units of one cell, inside the grid.
        shape: number of cells along each axis.

    Returns:
        Triangle index (P,) and flat (C-order) cell index (P,) of each pair.

    Example:
        >>> owner, cells = cells_in_space(np.array([[[0.5, 0.5, 0.5], [0.6, 0.5, 0.5], [0.5, 0.5, 1.5]]]), (2, 2, 2))
        >>> cells.tolist()
        [0, 1]
    """
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    depth_axis = np.abs(normals).argmax(axis=1)
    # where rounding decides on the normal, the whole depth of the triangle is taken
    sliver = np.abs(normals).max(axis=1) <= 1e-9 * np.ptp(triangles, axis=1).max(axis=1) ** 2
    owners, flats = [], []
    for axis in range(3):
        which = np.flatnonzero(depth_axis == axis)
        if not len(which):
            continue
        u, v = (axis + 1) % 3, (axis + 2) % 3
        corners = triangles[which]
        owner, cells = cells_in_plane(corners[:, :, [u, v]], (shape[u], shape[v]))
        normal = normals[which]
        with np.errstate(divide="ignore", invalid="ignore"):
            slopes = np.nan_to_num(-normal[:, [u, v]] / normal[:, [axis]])
        depth = corners[owner, 0, axis] + ((cells + 0.5 - corners[owner, 0][:, [u, v]]) * slopes[owner]).sum(axis=1)
        reach = np.where(sliver[which], np.inf, 0.5 * np.abs(slopes).sum(axis=1))[owner]
        near = np.maximum(depth - reach, corners[:, :, axis].min(axis=1)[owner])
        far = np.minimum(depth + reach, corners[:, :, axis].max(axis=1)[owner])
        begin = np.clip(np.floor(np.minimum(near, far)), 0, shape[axis] - 1).astype(np.int64)
        end = np.clip(np.floor(np.maximum(near, far)), 0, shape[axis] - 1).astype(np.int64)
        run, step = expand(end - begin + 1)
        place = np.empty((len(run), 3), dtype=np.int64)
        place[:, u], place[:, v], place[:, axis] = cells[run, 0], cells[run, 1], begin[run] + step
        owners.append(which[owner[run]])
        flats.append(np.ravel_multi_index(tuple(place.T), shape))
    return np.concatenate(owners), np.concatenate(flats)
