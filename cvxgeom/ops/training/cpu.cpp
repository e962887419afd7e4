// What the losses of a union want to know about points, in one pass: the union, the sum over convexes, and each convex's
// largest indicators among the points that should be inside.
#include "../indicator/backward.h"

namespace cvxgeom {
namespace CVX_NS {
namespace {

constexpr std::int64_t SEGMENT = 4096;  // points per task of the forward pass
static_assert(SEGMENT % (SUPER * BLOCK) == 0, "whole groups of blocks");

int threads_for(const TrainingCall& call) {
    return double(call.batch) * call.n * call.k * call.h < 65536 ? 1 : call.threads;
}

// Indicators below this exponent cannot change a sum of size one, not even all k of them together.
template <class T>
T negligible(std::int64_t k) {
    return T(Format<T>::NEGLIGIBLE + log_count(k));
}

// The largest numbers seen so far, in falling order, and where they were; numbers that are not positive do not count.
template <class T>
struct Largest {
    T* values;
    std::int32_t* places;
    std::int64_t n;

    void clear() {
        for (std::int64_t i = 0; i < n; ++i) {
            values[i] = 0;
            places[i] = -1;
        }
    }
    void offer(T value, std::int32_t place) {
        std::int64_t i = n - 1;
        if (!(value > values[i])) return;
        for (; i > 0 && values[i - 1] < value; --i) {
            values[i] = values[i - 1];
            places[i] = places[i - 1];
        }
        values[i] = value;
        places[i] = place;
    }
    void offer_block(const T* block, const std::int32_t* at, int count) {
        for (int i = 0; i < BLOCK; i += WIDTH<T>) {
            unsigned set = lanes_set(load(block + i) > splat(values[n - 1]));
            for (; set; set &= set - 1) {
                const int j = i + __builtin_ctz(set);
                if (j < count) offer(block[j], at[j]);
            }
        }
    }
};

template <class T>
struct ForwardScratch {
    Array<T> work, center;
    Array<int> kept;
    Array<std::int64_t> near;
    ForwardScratch(std::int64_t padded, std::int64_t k)
        : work(padded * GROUP * WIDTH<T>), center(padded), kept(padded + PADDING), near(k) {}
    explicit operator bool() const { return work && center && kept && near; }
};

// C of one convex at a block of points; false if it is as good as 0 at all of them, and `inside` is left alone.
template <class T>
bool indicator_block(const Convex<T>& c, const Box<T>& box, const T* xyz, T cut, ForwardScratch<T>& scratch, T* inside,
                     std::int64_t* planes_kept) {
    const Bounds<T> known = bounds(c, box, scratch.center.get());
    if (c.sigma * known.low > cut) return false;
    if (c.sigma * (known.high + c.spread) < -Format<T>::NEGLIGIBLE - T(0.1)) {
        for (int i = 0; i < BLOCK; ++i) inside[i] = T(1);
        return true;
    }
    const int n_kept = prune(c, box, known, scratch.center.get(), c.reach, scratch.kept.get());
    sdf_block(c, xyz, scratch.kept.get(), n_kept, scratch.work.get(), inside);
    for (int i = 0; i < BLOCK; i += WIDTH<T>) store(inside + i, indicator_of<T>(load(inside + i) * splat(c.sigma)));
    *planes_kept += n_kept;
    return true;
}

template <class T>
int training_forward(const TrainingCall& call) {
    const int threads = threads_for(call);
    const std::int64_t n = call.n, k = call.k, padded = round_up(call.h, PADDING), n_guides = call.n_guides;
    Packed<T> packed(call.batch * k, padded);
    int status = pack(packed, call.batch * k, call.h, padded, call.normals, call.offsets, call.translations,
                      call.smoothness, call.sharpness, threads);
    if (status != OK) return status;
    Ranked<T> ranked(call.points, call.batch, n, call.order);
    status = rank(ranked, call.batch, threads, true);
    if (status != OK) return status;
    // A point that is no point would be the largest guide of every convex: rare enough to leave to the reference.
    for (std::int64_t b = 0; b < call.batch; ++b)
        if (ranked.finite[b] < n) return UNUSUAL;

    const T cut = negligible<T>(k);
    const std::int64_t segments = (n + SEGMENT - 1) / SEGMENT, row_guides = k * n_guides;
    Array<T> values(call.batch * segments * row_guides);
    Array<std::int32_t> places(call.batch * segments * row_guides);
    if (!values || !places) return NO_MEMORY;
    parallel(call.batch * segments, threads, [&](std::int64_t task) {
        const std::int64_t b = task / segments, first = task % segments * (SEGMENT / BLOCK);
        const std::int64_t end = least(first + SEGMENT / BLOCK, ranked.blocks);
        const Convex<T>* const convexes = packed.convexes.get() + b * k;
        const T* const occupancy = static_cast<const T*>(call.occupancy) + b * n;
        ForwardScratch<T> scratch(padded, k);
        Blocks<T> mine(SUPER);
        if (!scratch || !mine) {
            __atomic_store_n(&status, NO_MEMORY, __ATOMIC_RELAXED);
            return;
        }
        auto guides_of = [&](std::int64_t j) {
            const std::int64_t at = (task * k + j) * n_guides;
            return Largest<T>{values.get() + at, places.get() + at, n_guides};
        };
        if (n_guides)
            for (std::int64_t j = 0; j < k; ++j) guides_of(j).clear();
        std::int64_t visited = 0, planes_kept = 0, n_near = 0, near = 0;
        alignas(64) T inside[BLOCK], most[BLOCK], total[BLOCK], wanted[BLOCK];
        std::int32_t part[BLOCK];
        for (std::int64_t i = first; i < end; ++i) {
            if ((i - first) % SUPER == 0) {
                mine.gather(ranked, b, i, least(i + SUPER, end));
                const Box<T> around = box_of_boxes(&mine.box(i), least(SUPER, end - i));
                n_near = 0;
                for (std::int64_t j = 0; j < k; ++j)
                    if (convexes[j].sigma * bounds(convexes[j], around, scratch.center.get()).low <= cut)
                        scratch.near[n_near++] = j;
            }
            const std::int32_t* const at = ranked.order + b * n + i * BLOCK;
            const int count = ranked.in_block(b, i);
            bool any_wanted = false;
            for (int p = 0; p < BLOCK; ++p) {
                most[p] = total[p] = 0;
                part[p] = 0;
                wanted[p] = p < count ? occupancy[at[p]] : T(0);
                any_wanted |= wanted[p] != 0;
                if (!(wanted[p] >= 0 && usual(wanted[p]))) __atomic_store_n(&status, UNUSUAL, __ATOMIC_RELAXED);
            }
            near += n_near;
            for (std::int64_t candidate = 0; candidate < n_near; ++candidate) {
                const std::int64_t j = scratch.near[candidate];
                if (!indicator_block(convexes[j], mine.box(i), mine.block(i), cut, scratch, inside,
                                     &planes_kept))
                    continue;
                ++visited;
                for (int p = 0; p < BLOCK; ++p) {
                    total[p] += inside[p];
                    part[p] = inside[p] > most[p] ? std::int32_t(j) : part[p];
                    most[p] = inside[p] > most[p] ? inside[p] : most[p];
                }
                if (!n_guides || !any_wanted) continue;
                for (int p = 0; p < BLOCK; ++p) inside[p] *= wanted[p];
                guides_of(j).offer_block(inside, at, count);
            }
            for (int p = 0; p < count; ++p) {
                static_cast<T*>(call.union_value)[b * n + at[p]] = most[p];
                static_cast<T*>(call.total)[b * n + at[p]] = total[p];
                static_cast<std::int32_t*>(call.part)[b * n + at[p]] = part[p];
            }
        }
        count_visits(call, (end - first) * k, near, visited, planes_kept);
    });
    if (status != OK) return status;
    if (n_guides)
        parallel(call.batch * k, threads, [&](std::int64_t row) {
            const std::int64_t b = row / k, j = row % k;
            Largest<T> all{static_cast<T*>(call.guides) + row * n_guides,
                           static_cast<std::int32_t*>(call.guide_index) + row * n_guides, n_guides};
            all.clear();
            for (std::int64_t s = 0; s < segments; ++s)
                for (std::int64_t i = 0; i < n_guides; ++i) {
                    const std::int64_t from = ((b * segments + s) * k + j) * n_guides + i;
                    if (places[from] >= 0) all.offer(values[from], places[from]);
                }
        });
    return OK;
}

// Upstream gradients of one batch element along the curve.
template <class T>
struct Upstream {
    Array<T> to_union, to_total, weight;
    Array<std::int32_t> part, position, listed;
    explicit Upstream(std::int64_t n) : to_union(n), to_total(n), weight(n), part(n), position(n), listed(n) {}
    explicit operator bool() const { return to_union && to_total && weight && part && position && listed; }
};

// ∂loss/∂C of convex j at every point, and the list of points where it is not 0; returns how many.
template <class T>
std::int64_t list_points(const TrainingCall& call, Upstream<T>& up, std::int64_t row, std::int64_t j) {
    const std::int64_t n = call.n, b = row / call.k;
    for (std::int64_t i = 0; i < n; ++i) up.weight[i] = up.to_total[i] + (up.part[i] == j ? up.to_union[i] : T(0));
    for (std::int64_t i = row * call.n_guides; i < (row + 1) * call.n_guides; ++i) {
        const std::int32_t point = static_cast<const std::int32_t*>(call.guide_index)[i];
        if (point < 0) continue;
        up.weight[up.position[point]] += static_cast<const T*>(call.grad_guides)[i] *
                                         static_cast<const T*>(call.occupancy)[b * n + point];
    }
    std::int64_t count = 0;
    for (std::int64_t i = 0; i < n; ++i) {
        up.listed[count] = std::int32_t(i);
        count += up.weight[i] != 0;
    }
    return count;
}

// Each task takes one batch element or, where no gradient flows to points (which several convexes would add to), one of
// its convexes.
template <class T>
int training_backward(const TrainingCall& call) {
    const int threads = threads_for(call);
    const std::int64_t n = call.n, k = call.k, h = call.h, padded = round_up(h, PADDING), per_convex = 4 * h + 2;
    const std::int32_t* const order = static_cast<const std::int32_t*>(call.order);
    const T* const points = static_cast<const T*>(call.points);
    if (order[0] < 0) return UNUSUAL;  // left so by the forward pass
    Packed<T> packed(call.batch * k, padded);
    int status = pack(packed, call.batch * k, h, padded, call.normals, call.offsets, call.translations, call.smoothness,
                      call.sharpness, threads);
    if (status != OK) return status;
    const T cut = negligible<T>(k);
    const bool to_points = call.needs & NEEDS_POINTS;
    const std::int64_t shares = to_points ? 1 : least(k, 1 + 4 * std::int64_t(16) / call.batch);
    parallel(call.batch * shares, threads, [&](std::int64_t task) {
        const std::int64_t b = task / shares, share = task % shares;
        Upstream<T> up(n);
        BackwardScratch<T> scratch(padded);
        Array<double> totals(per_convex);
        if (!up || !scratch || !totals) {
            __atomic_store_n(&status, NO_MEMORY, __ATOMIC_RELAXED);
            return;
        }
        const std::int32_t* const mine = order + b * n;
        for (std::int64_t i = 0; i < n; ++i) {
            const std::int64_t at = b * n + mine[i];
            up.to_union[i] = static_cast<const T*>(call.grad_union)[at];
            up.to_total[i] = static_cast<const T*>(call.grad_total)[at];
            up.part[i] = static_cast<const std::int32_t*>(call.part)[at];
            up.position[mine[i]] = std::int32_t(i);
        }
        std::int64_t pairs = 0, visited = 0, planes_kept = 0;
        std::int32_t members[BLOCK];
        alignas(64) T xyz[3 * BLOCK], weight[BLOCK], grad_points[3 * BLOCK];
        for (std::int64_t j = share; j < k; j += shares) {
            const Convex<T>& c = packed.convexes[b * k + j];
            const std::int64_t count = list_points(call, up, b * k + j, j);
            Gradient<T> sums{scratch.lanes.get(), {}, {}};
            sums.clear(h);
            for (std::int64_t i = 0; i < count; i += BLOCK) {
                const int filled = int(least(BLOCK, count - i));
                for (int p = 0; p < BLOCK; ++p) {
                    const std::int32_t at = up.listed[i + (p < filled ? p : filled - 1)];
                    members[p] = mine[at];
                    weight[p] = p < filled ? up.weight[at] : T(0);
                }
                ++pairs;
                gather_block(xyz, points + b * n * 3, members, filled);
                const Box<T> box = box_of_points(xyz, xyz + BLOCK, xyz + 2 * BLOCK);
                const Bounds<T> known = bounds(c, box, scratch.center.get());
                // A saturated indicator has no slope.
                if (c.sigma * known.low > cut || c.sigma * (known.high + c.spread) < -Format<T>::NEGLIGIBLE - T(0.1))
                    continue;
                const int n_kept = prune(c, box, known, scratch.center.get(), c.reach, scratch.kept.get());
                if (to_points) std::memset(grad_points, 0, sizeof grad_points);
                gradient_block<true>(c, xyz, scratch.kept.get(), n_kept, weight, call.needs, scratch.work.get(), sums,
                                     to_points ? grad_points : nullptr);
                ++visited;
                planes_kept += n_kept;
                if (!to_points) continue;
                for (int p = 0; p < filled; ++p)
                    for (int axis = 0; axis < 3; ++axis)
                        static_cast<T*>(call.grad_points)[3 * (b * n + members[p]) + axis] +=
                            grad_points[axis * BLOCK + p];
            }
            std::memset(totals.get(), 0, static_cast<std::size_t>(per_convex) * sizeof(double));
            sums.add_to(totals.get(), h);
            write_planes(call, c, b * k + j, totals.get());
        }
        count_visits(call, pairs, pairs, visited, planes_kept);
    });
    return status;
}

}  // namespace

int training_forward(const TrainingCall& call) {
    return call.is_double ? training_forward<double>(call) : training_forward<float>(call);
}
int training_backward(const TrainingCall& call) {
    return call.is_double ? training_backward<double>(call) : training_backward<float>(call);
}

}  // namespace CVX_NS
}  // namespace cvxgeom
