// First hits of rays with convexes by slab clipping; bundles of neighboring rays rule convexes out together.
#include "../../_native/block.h"

namespace cvxgeom {
namespace CVX_NS {
namespace {

constexpr int SORTED_CANDIDATES = 64;

template <class T>
constexpr T INFINITE = T(__builtin_inf());

// BLOCK rays, one array per component, padded by the last one; and the boxes of their origins and directions.
template <class T>
struct Bundle {
    alignas(64) T o[3][BLOCK], u[3][BLOCK];
    Box<T> origins, directions;
    int count;

    void gather(const T* from_o, const T* from_u, const std::int32_t* order, int n) {
        count = n;
        for (int i = 0; i < BLOCK; ++i) {
            const std::int64_t at = 3 * std::int64_t(order[i < n ? i : n - 1]);
            for (int axis = 0; axis < 3; ++axis) {
                o[axis][i] = from_o[at + axis];
                u[axis][i] = from_u[at + axis];
            }
        }
        origins = box_of_points(o[0], o[1], o[2]);
        directions = box_of_points(u[0], u[1], u[2]);
    }
};

template <class T>
struct Candidate {
    std::int64_t k;
    T enter;  // no ray of the bundle enters earlier
};

// Whether some ray of the bundle may hit the convex, and a lower bound of where. By interval arithmetic: no ray enters
// before the latest of its sure entries, nor stays beyond the earliest of its sure exits.
template <class T>
bool may_hit(const Convex<T>& c, const Bundle<T>& rays, T* enter) {
    T local[3], size = 0;
    for (int axis = 0; axis < 3; ++axis) {
        local[axis] = rays.origins.center[axis] - c.t[axis];
        size += (local[axis] < 0 ? -local[axis] : local[axis]) + rays.origins.half[axis];
    }
    const Vec<T> cx = splat(local[0]), cy = splat(local[1]), cz = splat(local[2]);
    const Vec<T> ex = splat(rays.origins.half[0]), ey = splat(rays.origins.half[1]), ez = splat(rays.origins.half[2]);
    const Vec<T> ux = splat(rays.directions.center[0]), uy = splat(rays.directions.center[1]),
                 uz = splat(rays.directions.center[2]);
    const Vec<T> fx = splat(rays.directions.half[0]), fy = splat(rays.directions.half[1]),
                 fz = splat(rays.directions.half[2]);
    const Vec<T> height_margin = splat(16 * Format<T>::EPS * (c.n_max * size + c.d_max));
    const Vec<T> speed_margin = splat(16 * Format<T>::EPS * c.n_max * 3);
    const Vec<T> zero{}, infinite = splat(INFINITE<T>);
    Vec<T> first = -infinite, last = infinite;
    Mask<T> beside{};
    for (std::int64_t h = 0; h < c.padded; h += WIDTH<T>) {
        const Vec<T> nx = load(c.nx + h), ny = load(c.ny + h), nz = load(c.nz + h);
        const Vec<T> height = fma(nx, cx, fma(ny, cy, fma(nz, cz, load(c.d + h))));
        const Vec<T> dh = fma(abs(nx), ex, fma(abs(ny), ey, abs(nz) * ez)) + height_margin;
        const Vec<T> speed = fma(nx, ux, fma(ny, uy, nz * uz));
        const Vec<T> ds = fma(abs(nx), fx, fma(abs(ny), fy, abs(nz) * fz)) + speed_margin;
        const Vec<T> lowest = height - dh, highest = height + dh, slowest = speed - ds, fastest = speed + ds;
        // The plane faces every ray: entry at height / -speed, earliest for the lowest height.
        const Vec<T> rush = lowest > zero ? -slowest : -fastest;
        first = max(fastest < zero ? lowest / rush : -infinite, first);
        // Every ray leaves through the plane, at -height / speed, latest for the lowest height.
        const Vec<T> crawl = lowest > zero ? fastest : slowest;
        last = min(slowest > zero ? -lowest / crawl : infinite, last);
        beside |= (lowest > zero) & (slowest >= zero);
    }
    if (lanes_set(beside)) return false;
    const T in = max_lanes<T>(first), out = -max_lanes<T>(-last);
    const T slack = 16 * Format<T>::EPS;
    *enter = in > 0 ? in * (1 - slack) : in * (1 + slack);
    const T leave = out > 0 ? out * (1 + slack) : out * (1 - slack);
    return *enter <= leave && leave >= 0;
}

template <class T>
struct Hits {
    using Integer = typename Lanes<T>::integer;
    alignas(64) T distance[BLOCK];  // clamped at 0
    alignas(64) T enter[BLOCK];
    alignas(64) Integer part[BLOCK], half_space[BLOCK];

    void clear() {
        for (int i = 0; i < BLOCK; ++i) {
            distance[i] = enter[i] = INFINITE<T>;
            part[i] = half_space[i] = 0;
        }
    }
};

template <class T>
void clip(const Convex<T>& c, typename Lanes<T>::integer part, const Bundle<T>& rays, Hits<T>& hits) {
    using Integer = typename Lanes<T>::integer;
    const Vec<T> zero{}, infinite = splat(INFINITE<T>);
    const Mask<T> all = ~Mask<T>{};
    for (int i = 0; i < rays.count; i += WIDTH<T>) {
        const Vec<T> x = load(rays.o[0] + i) - splat(c.t[0]), y = load(rays.o[1] + i) - splat(c.t[1]),
                     z = load(rays.o[2] + i) - splat(c.t[2]);
        const Vec<T> ux = load(rays.u[0] + i), uy = load(rays.u[1] + i), uz = load(rays.u[2] + i);
        const Vec<T> nearest = load(hits.distance + i);
        Vec<T> enter = -infinite, leave = infinite;
        Mask<T> through{}, beside{};
        bool alive = true;
        for (std::int64_t h = 0; h < c.h && alive; ++h) {
            const Vec<T> nx = splat(c.nx[h]), ny = splat(c.ny[h]), nz = splat(c.nz[h]);
            const Vec<T> height = fma(nx, x, fma(ny, y, fma(nz, z, splat(c.d[h]))));
            const Vec<T> speed = fma(nx, ux, fma(ny, uy, nz * uz));
            const Vec<T> crossing = -height / speed;
            const Mask<T> later = (speed < zero) & (crossing > enter);
            enter = later ? crossing : enter;
            through = (later & (Mask<T>{} + Integer(h))) | (~later & through);
            const Vec<T> exit = speed > zero ? crossing : infinite;
            leave = min(exit, leave);
            beside |= (speed == zero) & (height > zero);
            // Every few planes: have all rays missed it, or hit something nearer before?
            if ((h & 3) == 3) alive = lanes_set(~beside & (enter <= leave) & (leave >= zero) & (enter <= nearest)) != 0;
        }
        if (!alive) continue;
        Mask<T> old_part, old_through;
        std::memcpy(&old_part, hits.part + i, sizeof old_part);
        std::memcpy(&old_through, hits.half_space + i, sizeof old_through);
        const Vec<T> distance = max(enter, zero);
        const Mask<T> hit = (enter <= leave) & (leave >= zero) & ~beside & (distance < infinite);
        const Mask<T> better = hit & ((distance < nearest) | ((distance == nearest) & ((all & part) < old_part)));
        store(hits.distance + i, better ? distance : nearest);
        store(hits.enter + i, better ? enter : load(hits.enter + i));
        const Mask<T> new_part = (better & part) | (~better & old_part);
        const Mask<T> new_through = (better & through) | (~better & old_through);
        std::memcpy(hits.part + i, &new_part, sizeof new_part);
        std::memcpy(hits.half_space + i, &new_through, sizeof new_through);
    }
}

template <class T>
struct Rays {
    const T *origins, *directions;
};

// Rays are neighbors if they pass the middle of the shape at neighboring points; `at` receives these points.
template <class T>
void passing_points(const Rays<T>& rays, std::int64_t n, const T* middle, T* at) {
    for (std::int64_t i = 0; i < n; ++i) {
        const T *o = rays.origins + 3 * i, *u = rays.directions + 3 * i;
        T along = 0;
        for (int axis = 0; axis < 3; ++axis) along += (middle[axis] - o[axis]) * u[axis];
        along = along > 0 ? along : T(0);
        for (int axis = 0; axis < 3; ++axis) {
            at[3 * i + axis] = o[axis] + along * u[axis];
            // A huge origin must be seen as such, and one with NaN or infinity too.
            if (!usual(o[axis])) at[3 * i + axis] = o[axis];
        }
    }
}

template <class T>
void write_hit(const RaycastCall& call, std::int64_t to, const Rays<T>& rays, std::int64_t ray,
               const Convex<T>* convexes, const Hits<T>& hits, int i) {
    const bool hit = hits.distance[i] < INFINITE<T>, inside = hit && hits.enter[i] <= 0;
    static_cast<T*>(call.distance)[to] = hits.distance[i];
    static_cast<std::int64_t*>(call.part)[to] = hit ? hits.part[i] : -1;
    static_cast<std::int64_t*>(call.half_space)[to] = hits.half_space[i];
    static_cast<std::uint8_t*>(call.inside)[to] = inside;
    T* const facing = static_cast<T*>(call.facing) + 3 * to;
    if (!hit) {
        facing[0] = facing[1] = facing[2] = T(0);
    } else if (inside) {
        for (int axis = 0; axis < 3; ++axis) facing[axis] = -rays.directions[3 * ray + axis];
    } else {
        const Convex<T>& c = convexes[hits.part[i]];
        facing[0] = c.nx[hits.half_space[i]];
        facing[1] = c.ny[hits.half_space[i]];
        facing[2] = c.nz[hits.half_space[i]];
    }
}

template <class T>
int raycast(const RaycastCall& call) {
    const std::int64_t n = call.n, k = call.k, padded = round_up(call.h, PADDING);
    const int threads = double(call.batch) * n * k * call.h < 65536 ? 1 : call.threads;
    Packed<T> packed(call.batch * k, padded);
    int status = pack(packed, call.batch * k, call.h, padded, call.normals, call.offsets, call.translations, nullptr,
                      nullptr, threads);
    if (status != OK) return status;
    Array<T> passing(call.batch * n * 3);
    Array<std::int32_t> order(call.batch * n);
    if (!passing || !order) return NO_MEMORY;
    const std::int64_t bundles = (n + BLOCK - 1) / BLOCK;
    for (std::int64_t b = 0; b < call.batch; ++b) {
        const Rays<T> rays{static_cast<const T*>(call.origins) + b * n * 3,
                           static_cast<const T*>(call.directions) + b * n * 3};
        const Convex<T>* const convexes = packed.convexes.get() + b * k;
        T* const at = passing.get() + b * n * 3;
        std::int32_t* const mine = order.get() + b * n;
        T middle[3] = {0, 0, 0};
        for (std::int64_t i = 0; i < k; ++i)
            for (int axis = 0; axis < 3; ++axis) middle[axis] += convexes[i].t[axis] / T(k);
        constexpr std::int64_t STEP = 8192;
        parallel((n + STEP - 1) / STEP, threads, [&](std::int64_t task) {
            const std::int64_t first = task * STEP;
            const Rays<T> some{rays.origins + 3 * first, rays.directions + 3 * first};
            passing_points(some, least(STEP, n - first), middle, at + 3 * first);
        });
        const Ordered ordered = order_points(at, n, mine, threads);
        if (!ordered.usual) return UNUSUAL;
        if (!ordered.memory) return NO_MEMORY;
        parallel(bundles, threads, [&](std::int64_t bundle) {
            Bundle<T> some;
            Hits<T> hits;
            hits.clear();
            const std::int64_t first = bundle * BLOCK;
            const std::int64_t end = least(first + BLOCK, n), regular = least(end, ordered.finite);
            for (std::int64_t i = first > regular ? first : regular; i < end; ++i)
                write_hit(call, b * n + mine[i], rays, mine[i], convexes, hits, 0);
            if (first >= regular) return;
            Array<Candidate<T>> near(k);
            if (!near) {
                __atomic_store_n(&status, NO_MEMORY, __ATOMIC_RELAXED);
                return;
            }
            some.gather(rays.origins, rays.directions, mine + first, int(regular - first));
            std::int64_t n_near = 0, visited = 0;
            for (std::int64_t i = 0; i < k; ++i) {
                Candidate<T> found{i, 0};
                if (!may_hit(convexes[i], some, &found.enter)) continue;
                std::int64_t j = n_near++;
                if (n_near <= SORTED_CANDIDATES)  // nearest first, so that they hide the others
                    for (; j > 0 && near[j - 1].enter > found.enter; --j) near[j] = near[j - 1];
                near[j] = found;
            }
            for (std::int64_t i = 0; i < n_near; ++i) {
                T farthest = 0;
                for (int j = 0; j < some.count; ++j) farthest = hits.distance[j] > farthest ? hits.distance[j] : farthest;
                if (near[i].enter > farthest) continue;
                clip(convexes[near[i].k], static_cast<typename Lanes<T>::integer>(near[i].k), some, hits);
                ++visited;
            }
            for (int i = 0; i < some.count; ++i) write_hit(call, b * n + mine[first + i], rays, mine[first + i], convexes, hits, i);
            count_visits(call, k, n_near, visited, visited * call.h);
        });
        if (status != OK) return status;
    }
    return OK;
}

}  // namespace

int raycast(const RaycastCall& call) { return call.is_double ? raycast<double>(call) : raycast<float>(call); }

}  // namespace CVX_NS
}  // namespace cvxgeom
