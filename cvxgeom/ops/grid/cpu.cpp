// The union's signed distance at the nodes of a grid, by a walk down an octree: a cube of nodes that a bound decides is
// filled and left, so that with a truncation the cost follows the surface and not the volume.
#include "../indicator/choose.h"

namespace cvxgeom {
namespace CVX_NS {
namespace {

constexpr std::int64_t LEAF = 4, BRICK = 32;  // nodes along a side: 4³ make a block, 32³ a task
constexpr int LEVELS = 4;                     // 32, 16, 8, 4
static_assert(LEAF * LEAF * LEAF == BLOCK && LEAF << (LEVELS - 1) == BRICK, "an octree");

template <class T>
struct Walk {
    const GridCall& call;
    const Convex<T>* convexes;  // of one batch element
    T* value;
    T truncation;
    Array<T> work, center;
    Array<int> kept;
    Array<Candidate<T>> lists;  // a list of k candidates per level, and one that is worked on
    std::int64_t near = 0, visited = 0, planes_kept = 0;

    Walk(const GridCall& c, std::int64_t padded)
        : call(c),
          convexes(nullptr),
          value(nullptr),
          truncation(static_cast<T>(c.truncation)),
          work(padded * GROUP * WIDTH<T>),
          center(padded),
          kept(padded + PADDING),
          lists(c.k * (LEVELS + 1)) {}
    explicit operator bool() const { return work && center && kept && lists; }

    T coordinate(int axis, std::int64_t i) const {
        return static_cast<T>(call.lower[axis] + static_cast<double>(i) * call.spacing[axis]);
    }

    // Nodes first <= i < end of a cube of `side` nodes at `corner`, inside the grid.
    void limits(const std::int64_t* corner, std::int64_t side, std::int64_t* end) const {
        for (int axis = 0; axis < 3; ++axis) end[axis] = least(corner[axis] + side, call.size[axis]);
    }

    void fill(const std::int64_t* corner, std::int64_t side, T with) const {
        std::int64_t end[3];
        limits(corner, side, end);
        for (std::int64_t x = corner[0]; x < end[0]; ++x)
            for (std::int64_t y = corner[1]; y < end[1]; ++y) {
                T* const row = value + (x * call.size[1] + y) * call.size[2];
                std::int64_t z = corner[2];
                if (reinterpret_cast<std::uintptr_t>(row + z) % CVX_BYTES == 0)
                    for (; z + WIDTH<T> <= end[2]; z += WIDTH<T>) stream(row + z, splat(with));
                for (; z < end[2]; ++z) row[z] = with;
            }
    }

    Box<T> box(const std::int64_t* corner, std::int64_t side) const {
        std::int64_t end[3];
        limits(corner, side, end);
        T low[3], high[3];
        for (int axis = 0; axis < 3; ++axis) {
            low[axis] = coordinate(axis, corner[axis]);
            high[axis] = coordinate(axis, end[axis] - 1);
        }
        return box_of(low, high);
    }

    void leaf(const std::int64_t* corner, const Box<T>& around, Candidate<T>* list, std::int64_t n) {
        using Integer = typename Lanes<T>::integer;
        alignas(64) T xyz[3 * BLOCK], best[BLOCK];
        alignas(64) Integer best_part[BLOCK];
        T line[3][LEAF];
        std::int64_t end[3];
        limits(corner, LEAF, end);
        // Nodes beyond the grid repeat the last one.
        for (int axis = 0; axis < 3; ++axis)
            for (std::int64_t i = 0; i < LEAF; ++i) line[axis][i] = coordinate(axis, least(corner[axis] + i, end[axis] - 1));
        for (int i = 0; i < BLOCK; ++i) {
            xyz[i] = line[0][i / (LEAF * LEAF)];
            xyz[BLOCK + i] = line[1][i / LEAF % LEAF];
            xyz[2 * BLOCK + i] = line[2][i % LEAF];
            best[i] = truncation;
            best_part[i] = 0;
        }
        arrange(list, n);
        near += n;
        T worst = truncation;
        for (std::int64_t j = 0; j < n; ++j) {
            if (list[j].low > worst || worst <= -truncation) continue;
            const Convex<T>& c = convexes[list[j].k];
            const Bounds<T> known = bounds(c, around, center.get());
            const int n_kept = prune(c, around, known, center.get(), c.reach, kept.get());
            improve_block(c, static_cast<Integer>(list[j].k), xyz, kept.get(), n_kept, work.get(), best, best_part);
            worst = largest(best);
            ++visited;
            planes_kept += n_kept;
        }
        for (int i = 0; i < BLOCK; i += WIDTH<T>) store(best + i, max(load(best + i), splat(-truncation)));
        const std::int64_t nz = end[2] - corner[2];
        for (std::int64_t x = corner[0]; x < end[0]; ++x)
            for (std::int64_t y = corner[1]; y < end[1]; ++y)
                std::memcpy(value + (x * call.size[1] + y) * call.size[2] + corner[2],
                            best + ((x - corner[0]) * LEAF + y - corner[1]) * LEAF,
                            static_cast<std::size_t>(nz) * sizeof(T));
    }

    // `from` (null: all convexes) are those that may decide the cube around this one.
    void cube(const std::int64_t* corner, std::int64_t side, int level, const Candidate<T>* from, std::int64_t n) {
        Candidate<T>* const mine = lists.get() + (level + 1) * call.k;
        const Box<T> around = box(corner, side);
        T ceiling, floor;
        const std::int64_t left = choose(convexes, from, n, around, center.get(), mine, &floor, &ceiling);
        if (floor >= truncation) return fill(corner, side, truncation);
        if (ceiling <= -truncation) return fill(corner, side, -truncation);
        if (side == LEAF) return leaf(corner, around, mine, left);
        const std::int64_t half = side / 2;
        for (int octant = 0; octant < 8; ++octant) {
            const std::int64_t at[3] = {corner[0] + (octant >> 2) * half, corner[1] + (octant >> 1 & 1) * half,
                                        corner[2] + (octant & 1) * half};
            if (at[0] < call.size[0] && at[1] < call.size[1] && at[2] < call.size[2]) cube(at, half, level + 1, mine, left);
        }
    }
};

template <class T>
int sample_grid(const GridCall& call) {
    const std::int64_t k = call.k, padded = round_up(call.h, PADDING);
    Packed<T> packed(call.batch * k, padded);
    int status = pack(packed, call.batch * k, call.h, padded, call.normals, call.offsets, call.translations,
                      call.smoothness, nullptr, call.threads);
    if (status != OK) return status;
    std::int64_t bricks[3], nodes = 1;
    for (int axis = 0; axis < 3; ++axis) {
        bricks[axis] = (call.size[axis] + BRICK - 1) / BRICK;
        nodes *= call.size[axis];
        const double last = call.lower[axis] + static_cast<double>(call.size[axis] - 1) * call.spacing[axis];
        if (!usual(static_cast<T>(call.lower[axis])) || !usual(static_cast<T>(last))) return UNUSUAL;
    }
    prefer_large_pages(call.value, call.batch * nodes * std::int64_t(sizeof(T)));
    const std::int64_t per_element = bricks[0] * bricks[1] * bricks[2];
    parallel(call.batch * per_element, call.threads, [&](std::int64_t task) {
        const std::int64_t b = task / per_element, brick = task % per_element;
        Walk<T> walk(call, padded);
        if (!walk) {
            __atomic_store_n(&status, NO_MEMORY, __ATOMIC_RELAXED);
            return;
        }
        walk.convexes = packed.convexes.get() + b * k;
        walk.value = static_cast<T*>(call.value) + b * nodes;
        const std::int64_t corner[3] = {brick / (bricks[1] * bricks[2]) * BRICK, brick / bricks[2] % bricks[1] * BRICK,
                                        brick % bricks[2] * BRICK};
        walk.cube(corner, BRICK, 0, nullptr, k);
        finish_streams();
        std::int64_t end[3], blocks = 1;
        walk.limits(corner, BRICK, end);
        for (int axis = 0; axis < 3; ++axis) blocks *= (end[axis] - corner[axis] + LEAF - 1) / LEAF;
        count_visits(call, blocks * k, walk.near, walk.visited, walk.planes_kept);
    });
    return status;
}

}  // namespace

int sample_grid(const GridCall& call) { return call.is_double ? sample_grid<double>(call) : sample_grid<float>(call); }

}  // namespace CVX_NS
}  // namespace cvxgeom
