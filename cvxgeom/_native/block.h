// Blocks of neighboring points, and what a block proves about a convex without looking at its points.
#pragma once

#include <cstdlib>
#include <type_traits>

#include "api.h"
#include "order.h"
#include "pages.h"
#include "pool.h"
#include "simd.h"

namespace cvxgeom {
namespace CVX_NS {

constexpr int BLOCK = 64;            // points
constexpr std::int64_t SUPER = 16;   // blocks that share a first, coarse choice of convexes
constexpr std::int64_t PADDING = 16; // planes are padded to a multiple of the widest vector

// std::vector would be shared between instruction sets by the linker.
template <class T>
class Array {
   public:
    explicit Array(std::int64_t n)
        : data_(static_cast<T*>(std::aligned_alloc(64, (static_cast<std::size_t>(n) * sizeof(T) + 127) / 64 * 64))) {
        prefer_large_pages(data_, n * std::int64_t(sizeof(T)));
    }
    ~Array() { std::free(data_); }
    Array(const Array&) = delete;
    Array& operator=(const Array&) = delete;
    explicit operator bool() const { return data_ != nullptr; }
    T* get() const { return data_; }
    T& operator[](std::int64_t i) const { return data_[i]; }

   private:
    T* data_;
};

template <class F>
static inline void parallel(std::int64_t n, int threads, F&& body) {
    using Body = typename std::remove_reference<F>::type;
    parallel_for(
        n, threads, [](void* context, std::int64_t i) { (*static_cast<Body*>(context))(i); }, &body);
}

static inline std::int64_t round_up(std::int64_t n, std::int64_t step) { return (n + step - 1) / step * step; }
static inline std::int64_t least(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

// Adds to the counters of a call, if it has some.
template <class Call>
static inline void count_visits(const Call& call, std::int64_t pairs, std::int64_t near, std::int64_t visited,
                                std::int64_t planes_kept) {
    if (!call.counters) return;
    const std::int64_t by[COUNTERS] = {pairs, near, visited, visited * call.h, planes_kept};
    for (int i = 0; i < COUNTERS; ++i)
        __atomic_fetch_add(static_cast<std::int64_t*>(call.counters) + i, by[i], __ATOMIC_RELAXED);
}

// The planes of one convex, one array per component, padded by copies of the first plane.
template <class T>
struct Convex {
    const T *nx, *ny, *nz, *d;
    std::int64_t h, padded;
    T t[3];
    T delta, sigma, inverse_delta;
    T rate;     // δ log2 e: exponents in base 2
    T cutoff;   // exponents below are as good as -inf
    T reach;    // the same as a length: a plane further below the maximum adds nothing
    T spread;   // log(H) / δ: how far Φ may be above the maximum
    T n_max, d_max;  // largest components, for rounding errors
};

template <class T>
struct Packed {
    Array<T> planes;
    Array<Convex<T>> convexes;  // (batch, k)
    Packed(std::int64_t count, std::int64_t padded) : planes(count * padded * 4), convexes(count) {}
};

template <class T>
static inline bool usual(T value) {
    return value >= -HUGE_COORDINATE<T> && value <= HUGE_COORDINATE<T>;
}

static inline double log_count(std::int64_t h) { return __builtin_log(static_cast<double>(h)); }

// False if some value is NaN or huge, or δ or σ not positive: bounds would not hold.
template <class T>
static bool pack_one(Convex<T>& c, T* to, std::int64_t padded, const T* normals, const T* offsets, const T* t, T delta,
                     T sigma, std::int64_t h, double log_h) {
    c.nx = to;
    c.ny = to + padded;
    c.nz = to + 2 * padded;
    c.d = to + 3 * padded;
    c.h = h;
    c.padded = padded;
    std::memcpy(c.t, t, sizeof c.t);
    c.delta = delta;
    c.sigma = sigma;
    c.inverse_delta = T(1) / delta;
    c.rate = delta * Format<T>::LOG2E;
    const double cut = Format<T>::NEGLIGIBLE + log_h;
    c.cutoff = T(-cut * 1.4426950408889634);
    c.reach = T(cut / delta) * (1 + 16 * Format<T>::EPS);
    c.spread = T(log_h / delta);
    bool fine = usual(t[0]) && usual(t[1]) && usual(t[2]) && delta >= 1 / HUGE_COORDINATE<T> && usual(delta) &&
                sigma >= 1 / HUGE_COORDINATE<T> && usual(sigma);
    T n_max = 0, d_max = 0;
    for (std::int64_t i = 0; i < padded; ++i) {
        const std::int64_t j = i < h ? i : 0;
        for (int axis = 0; axis < 3; ++axis) {
            const T n = normals[3 * j + axis], size = n < 0 ? -n : n;
            to[axis * padded + i] = n;
            fine &= usual(n);
            n_max = size > n_max ? size : n_max;
        }
        const T d = offsets[j], size = d < 0 ? -d : d;
        to[3 * padded + i] = d;
        fine &= usual(d);
        d_max = size > d_max ? size : d_max;
    }
    c.n_max = n_max;
    c.d_max = d_max;
    return fine;
}

// δ and σ may be null (contains, raycast): then 1.
template <class T>
static int pack(Packed<T>& packed, std::int64_t count, std::int64_t h, std::int64_t padded, const void* normals,
                const void* offsets, const void* translations, const void* smoothness, const void* sharpness,
                int threads) {
    if (!packed.planes || !packed.convexes) return NO_MEMORY;
    constexpr std::int64_t STEP = 64;
    const double log_h = log_count(h);
    int strange = 0;
    auto body = [&](std::int64_t task) {
        for (std::int64_t i = task * STEP; i < least((task + 1) * STEP, count); ++i) {
            const T delta = smoothness ? static_cast<const T*>(smoothness)[i] : T(1);
            const T sigma = sharpness ? static_cast<const T*>(sharpness)[i] : T(1);
            if (!pack_one(packed.convexes[i], packed.planes.get() + i * padded * 4, padded,
                          static_cast<const T*>(normals) + i * h * 3, static_cast<const T*>(offsets) + i * h,
                          static_cast<const T*>(translations) + i * 3, delta, sigma, h, log_h))
                __atomic_store_n(&strange, 1, __ATOMIC_RELAXED);
        }
    };
    parallel((count + STEP - 1) / STEP, threads, body);
    return strange ? UNUSUAL : OK;
}

template <class T>
struct Box {
    T center[3], half[3];
};

// Half extents are measured from the rounded center, so its rounding does no harm.
template <class T>
static Box<T> box_of(const T* low, const T* high) {
    Box<T> box;
    for (int axis = 0; axis < 3; ++axis) {
        const T c = low[axis] / 2 + high[axis] / 2, up = high[axis] - c, down = c - low[axis];
        box.center[axis] = c;
        box.half[axis] = (up > down ? up : down) * (1 + 2 * Format<T>::EPS);
    }
    return box;
}

template <class T>
static Box<T> box_of_points(const T* x, const T* y, const T* z) {
    T low[3], high[3];
    const T* all[3] = {x, y, z};
    for (int axis = 0; axis < 3; ++axis) {
        Vec<T> least = load(all[axis]), most = least;
        for (int i = WIDTH<T>; i < BLOCK; i += WIDTH<T>) {
            const Vec<T> v = load(all[axis] + i);
            least = min(least, v);
            most = max(most, v);
        }
        low[axis] = -max_lanes<T>(-least);
        high[axis] = max_lanes<T>(most);
    }
    return box_of(low, high);
}

template <class T>
static Box<T> box_of_boxes(const Box<T>* boxes, std::int64_t n) {
    T low[3], high[3];
    for (int axis = 0; axis < 3; ++axis) {
        low[axis] = boxes[0].center[axis] - boxes[0].half[axis];
        high[axis] = boxes[0].center[axis] + boxes[0].half[axis];
        for (std::int64_t i = 1; i < n; ++i) {
            const T a = boxes[i].center[axis] - boxes[i].half[axis], b = boxes[i].center[axis] + boxes[i].half[axis];
            low[axis] = a < low[axis] ? a : low[axis];
            high[axis] = b > high[axis] ? b : high[axis];
        }
    }
    return box_of(low, high);
}

// Copies points into a block of three arrays, padded by the last one.
template <class T>
static void gather_block(T* to, const T* points, const std::int32_t* order, int count) {
    for (int i = 0; i < BLOCK; ++i) {
        const T* x = points + 3 * std::int64_t(order[i < count ? i : count - 1]);
        to[i] = x[0];
        to[BLOCK + i] = x[1];
        to[2 * BLOCK + i] = x[2];
    }
}

// The points of a batch along their curves. Points with NaN or infinity are left out: they come last.
template <class T>
struct Ranked {
    const T* points;
    std::int64_t n, blocks;      // per batch element; blocks counts the ones that all of n would need
    Array<std::int64_t> finite;  // (batch,) points in blocks; they come first in `order`
    std::int32_t* order;

    Ranked(const void* points_, std::int64_t batch, std::int64_t count, void* order_)
        : points(static_cast<const T*>(points_)),
          n(count),
          blocks((count + BLOCK - 1) / BLOCK),
          finite(batch),
          order(static_cast<std::int32_t*>(order_)) {}

    std::int64_t blocks_used(std::int64_t b) const { return (finite[b] + BLOCK - 1) / BLOCK; }
    int in_block(std::int64_t b, std::int64_t i) const { return int(least(BLOCK, finite[b] - i * BLOCK)); }
};

// Orders the points if `make_order`, else takes the order as it is.
template <class T>
static int rank(Ranked<T>& ranked, std::int64_t batch, int threads, bool make_order) {
    if (!ranked.finite) return NO_MEMORY;
    const std::int64_t n = ranked.n;
    // Where the forward pass could not serve the values it leaves such a mark.
    if (!make_order && ranked.order[0] < 0) return UNUSUAL;
    int status = OK;
    auto order_one = [&](std::int64_t b, int inner) {
        const T* x = ranked.points + b * n * 3;
        std::int32_t* order = ranked.order + b * n;
        if (make_order) {
            const Ordered done = order_points(x, n, order, inner);
            ranked.finite[b] = done.finite;
            if (!done.usual) __atomic_store_n(&status, UNUSUAL, __ATOMIC_RELAXED);
            if (!done.memory) __atomic_store_n(&status, NO_MEMORY, __ATOMIC_RELAXED);
        } else {
            std::int64_t finite = n;
            for (; finite > 0; --finite) {
                const T* last = x + 3 * std::int64_t(order[finite - 1]);
                if (usual(last[0]) && usual(last[1]) && usual(last[2])) break;
            }
            ranked.finite[b] = finite;
        }
    };
    if (batch < threads || n > (1 << 18)) {
        for (std::int64_t b = 0; b < batch; ++b) order_one(b, threads);
    } else {
        parallel(batch, threads, [&](std::int64_t b) { order_one(b, 1); });
    }
    return status;
}

// The blocks of ranked points from `first` on, with their boxes.
template <class T>
struct Blocks {
    Array<T> xyz;  // (capacity, 3, BLOCK)
    Array<Box<T>> boxes;
    std::int64_t first = 0;

    explicit Blocks(std::int64_t capacity) : xyz(capacity * 3 * BLOCK), boxes(capacity) {}
    explicit operator bool() const { return xyz && boxes; }
    const T* block(std::int64_t i) const { return xyz.get() + (i - first) * 3 * BLOCK; }
    const Box<T>& box(std::int64_t i) const { return boxes[i - first]; }

    // Puts block i of batch element b at a place of this list.
    void gather_one(const Ranked<T>& ranked, std::int64_t b, std::int64_t i, std::int64_t place) {
        T* const to = xyz.get() + place * 3 * BLOCK;
        gather_block(to, ranked.points + b * ranked.n * 3, ranked.order + b * ranked.n + i * BLOCK,
                     ranked.in_block(b, i));
        boxes[place] = box_of_points(to, to + BLOCK, to + 2 * BLOCK);
    }
    void gather(const Ranked<T>& ranked, std::int64_t b, std::int64_t from, std::int64_t end) {
        first = from;
        for (std::int64_t i = from; i < end; ++i) gather_one(ranked, b, i, i - from);
    }
};

// All blocks of all batch elements, for kernels that come back to them: block i of element b is number b * blocks + i.
template <class T>
static int gather_all(Blocks<T>& all, const Ranked<T>& ranked, std::int64_t batch, int threads) {
    if (!all) return NO_MEMORY;
    const std::int64_t supers = (ranked.blocks + SUPER - 1) / SUPER;
    parallel(batch * supers, threads, [&](std::int64_t task) {
        const std::int64_t b = task / supers, begin = task % supers * SUPER;
        for (std::int64_t i = begin; i < least(begin + SUPER, ranked.blocks_used(b)); ++i)
            all.gather_one(ranked, b, i, b * ranked.blocks + i);
    });
    return OK;
}

// Below every plane distance that usual values can give.
template <class T>
constexpr T NOWHERE = T(-30) * HUGE_COORDINATE<T> * HUGE_COORDINATE<T>;

template <class T>
struct Bounds {
    T low, high;  // of max_h L over the box, rounding included
    T margin;     // how far computed distances may be off
    T center;     // max_h L at the center
};

// Interval bounds of the plane distances over a box; `at_center` receives L_h(center).
template <class T>
static inline Bounds<T> bounds(const Convex<T>& c, const Box<T>& box, T* at_center) {
    T local[3], size = 0;
    for (int axis = 0; axis < 3; ++axis) {
        local[axis] = box.center[axis] - c.t[axis];
        size += (local[axis] < 0 ? -local[axis] : local[axis]) + box.half[axis];
    }
    const Vec<T> cx = splat(local[0]), cy = splat(local[1]), cz = splat(local[2]);
    const Vec<T> ex = splat(box.half[0]), ey = splat(box.half[1]), ez = splat(box.half[2]);
    Vec<T> low = splat(NOWHERE<T>), high = low, middle = low;
    for (std::int64_t h = 0; h < c.padded; h += WIDTH<T>) {
        const Vec<T> nx = load(c.nx + h), ny = load(c.ny + h), nz = load(c.nz + h);
        const Vec<T> l = fma(nx, cx, fma(ny, cy, fma(nz, cz, load(c.d + h))));
        const Vec<T> r = fma(abs(nx), ex, fma(abs(ny), ey, abs(nz) * ez));
        store(at_center + h, l);
        low = max(low, l - r);
        high = max(high, l + r);
        middle = max(middle, l);
    }
    const T margin = 16 * Format<T>::EPS * (c.n_max * size + c.d_max);
    return {max_lanes<T>(low) - margin, max_lanes<T>(high) + margin, margin, max_lanes<T>(middle)};
}

// The planes that matter somewhere in the box: L_h - L_top is linear, so its largest value there is known, and a plane
// that stays further below than `reach` adds nothing anywhere. Returns how many there are; `kept` has room for one vector
// more than that.
template <class T>
static inline int prune(const Convex<T>& c, const Box<T>& box, const Bounds<T>& known, const T* at_center, T reach,
                        int* kept) {
    std::int64_t top = 0;
    unsigned found = 0;
    for (; !found; top += WIDTH<T>) found = lanes_set(load(at_center + top) == splat(known.center));
    top += __builtin_ctz(found) - WIDTH<T>;
    if (top >= c.h) top = 0;  // padding repeats the first plane
    const Vec<T> tx = splat(c.nx[top]), ty = splat(c.ny[top]), tz = splat(c.nz[top]);
    const Vec<T> ex = splat(box.half[0]), ey = splat(box.half[1]), ez = splat(box.half[2]);
    const Vec<T> floor = splat(known.center - (reach + 2 * known.margin));
    int n = 0;
    for (std::int64_t h = 0; h < c.padded; h += WIDTH<T>) {
        const Vec<T> r = fma(abs(load(c.nx + h) - tx), ex, fma(abs(load(c.ny + h) - ty), ey, abs(load(c.nz + h) - tz) * ez));
        unsigned set = lanes_set(load(at_center + h) + r >= floor);
        if (h + WIDTH<T> > c.h) set &= c.h > h ? (1u << (c.h - h)) - 1u : 0u;
        n += write_set_bits<T>(set, static_cast<int>(h), kept + n);
    }
    return n;
}

}  // namespace CVX_NS
}  // namespace cvxgeom
