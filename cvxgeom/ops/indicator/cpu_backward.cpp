// Backward kernels: exponentials are computed again, and sums over points are made in a fixed order, in double across
// pieces of points, so that they do not depend on the number of threads.
#include "backward.h"

namespace cvxgeom {
namespace CVX_NS {
namespace {

constexpr std::int64_t PIECE = 2048;        // points of one convex per task of union_backward
constexpr std::int64_t SEGMENT = 1024;      // points per task of convex_backward, at least
constexpr std::int64_t MOST_SEGMENTS = 32;  // per batch element
constexpr double TOTALS_BYTES = 16e6;       // that partial sums may take, as far as that leaves four segments
constexpr std::int64_t STEP = 8192;         // points per task that prepares weights

int threads_for(const IndicatorCall& call, std::int64_t k) {
    return double(call.batch) * call.n * k * call.h < 65536 ? 1 : call.threads;
}

// ∂loss/∂Φ from ∂loss/∂value.
template <class T>
T weight_of(const IndicatorCall& call, const Convex<T>& c, std::int64_t i) {
    const T g = static_cast<const T*>(call.grad)[i];
    if (!call.sharpness) return g;
    const T value = static_cast<const T*>(call.value)[i];
    return -c.sigma * (g * (1 - value) * value);
}

template <class T>
int convex_backward(const IndicatorCall& call) {
    const int threads = threads_for(call, call.k);
    const std::int64_t n = call.n, k = call.k, h = call.h, padded = round_up(h, PADDING), per_convex = 4 * h + 2;
    Packed<T> packed(call.batch * k, padded);
    int status = pack(packed, call.batch * k, h, padded, call.normals, call.offsets, call.translations, call.smoothness,
                      call.sharpness, threads);
    if (status != OK) return status;
    Ranked<T> ranked(call.points, call.batch, n, call.order);
    status = rank(ranked, call.batch, threads, false);
    if (status != OK) return status;
    Blocks<T> all(call.batch * ranked.blocks);
    status = gather_all(all, ranked, call.batch, threads);
    if (status != OK) return status;

    // How points are split must not depend on the threads: the sums would.
    double most = TOTALS_BYTES / (8.0 * call.batch * k * per_convex);
    most = most < 4 ? 4 : most > MOST_SEGMENTS ? MOST_SEGMENTS : most;
    const std::int64_t length = round_up((n + std::int64_t(most) - 1) / std::int64_t(most), SEGMENT);
    const std::int64_t segments = (n + length - 1) / length, blocks = length / BLOCK;
    Array<double> totals(call.batch * segments * k * per_convex);
    if (!totals) return NO_MEMORY;
    parallel(call.batch * segments, threads, [&](std::int64_t task) {
        const std::int64_t b = task / segments, first = task % segments * blocks;
        const std::int64_t end = least(first + blocks, ranked.blocks_used(b));
        const bool to_points = call.needs & NEEDS_POINTS;
        double* const mine = totals.get() + task * k * per_convex;
        std::memset(mine, 0, static_cast<std::size_t>(k * per_convex) * sizeof(double));
        if (first >= end) return;
        BackwardScratch<T> scratch(padded);
        Array<T> grad_points(to_points ? (end - first) * 3 * BLOCK : 0);
        if (!scratch || !grad_points) {
            __atomic_store_n(&status, NO_MEMORY, __ATOMIC_RELAXED);
            return;
        }
        if (to_points) std::memset(grad_points.get(), 0, static_cast<std::size_t>((end - first) * 3 * BLOCK) * sizeof(T));
        const std::int32_t* const order = ranked.order + b * n;
        std::int64_t visited = 0, planes_kept = 0;
        alignas(64) T weight[BLOCK];
        for (std::int64_t j = 0; j < k; ++j) {
            const std::int64_t row = b * k + j;
            const Convex<T>& c = packed.convexes[row];
            Gradient<T> sums{scratch.lanes.get(), {}, {}};
            bool cleared = false;
            for (std::int64_t i = first; i < end; ++i) {
                const int count = ranked.in_block(b, i);
                bool any = false;
                for (int p = 0; p < BLOCK; ++p) {
                    weight[p] = p < count ? weight_of(call, c, row * n + order[i * BLOCK + p]) : T(0);
                    any |= weight[p] != 0;
                }
                if (!any) continue;  // a saturated indicator has no slope
                if (!cleared) sums.clear(h);
                cleared = true;
                const Box<T>& box = all.box(b * ranked.blocks + i);
                const Bounds<T> known = bounds(c, box, scratch.center.get());
                const int n_kept = prune(c, box, known, scratch.center.get(), c.reach, scratch.kept.get());
                gradient_block<false>(c, all.block(b * ranked.blocks + i), scratch.kept.get(), n_kept, weight, call.needs,
                               scratch.work.get(), sums, to_points ? &grad_points[(i - first) * 3 * BLOCK] : nullptr);
                ++visited;
                planes_kept += n_kept;
            }
            if (cleared) sums.add_to(mine + j * per_convex, h);
        }
        if (to_points) {
            T* const out = static_cast<T*>(call.grad_points) + b * n * 3;
            for (std::int64_t i = first; i < end; ++i)
                for (int p = 0; p < ranked.in_block(b, i); ++p)
                    for (int axis = 0; axis < 3; ++axis)
                        out[3 * std::int64_t(order[i * BLOCK + p]) + axis] =
                            grad_points[((i - first) * 3 + axis) * BLOCK + p];
        }
        count_visits(call, (end - first) * k, (end - first) * k, visited, planes_kept);
    });
    if (status != OK) return status;
    parallel(call.batch * k, threads, [&](std::int64_t row) {
        const std::int64_t b = row / k;
        double* const sum = totals.get() + (b * segments * k + row % k) * per_convex;
        for (std::int64_t s = 1; s < segments; ++s)
            for (std::int64_t i = 0; i < per_convex; ++i) sum[i] += sum[s * k * per_convex + i];
        if (ranked.finite[b] < n) poison(sum, h);
        write_planes(call, packed.convexes[row], row, sum);
    });
    for (std::int64_t b = 0; b < call.batch; ++b)
        for (std::int64_t i = ranked.finite[b]; i < n; ++i) poison_point<T>(call, b * n + ranked.order[b * n + i]);
    return OK;
}

// Only the convex that decides a point has a gradient there: points are listed by convex, still along the curve.
template <class T>
int union_backward(const IndicatorCall& call) {
    const int threads = threads_for(call, 8);
    const std::int64_t n = call.n, k = call.k, h = call.h, padded = round_up(h, PADDING), per_convex = 4 * h + 2;
    const std::int64_t batch = call.batch, rows = batch * k;
    const T* const points = static_cast<const T*>(call.points);
    const std::int32_t* const order = static_cast<const std::int32_t*>(call.order);
    const std::int32_t* const part = static_cast<const std::int32_t*>(call.part);
    if (order[0] < 0) return UNUSUAL;  // left so by the forward pass
    Packed<T> packed(rows, padded);
    int status = pack(packed, rows, h, padded, call.normals, call.offsets, call.translations, call.smoothness,
                      call.sharpness, threads);
    if (status != OK) return status;

    Array<T> weights(batch * n), listed_weights(batch * n);
    Array<std::int32_t> parts(batch * n), listed(batch * n);
    Array<std::int64_t> start(rows + 1), pieces(rows + 1);
    if (!weights || !listed_weights || !parts || !listed || !start || !pieces) return NO_MEMORY;
    const std::int64_t steps = (n + STEP - 1) / STEP;
    parallel(batch * steps, threads, [&](std::int64_t task) {
        const std::int64_t b = task / steps, first = task % steps * STEP;
        for (std::int64_t i = b * n + first; i < b * n + least(first + STEP, n); ++i) {
            const std::int64_t at = b * n + order[i];
            weights[i] = weight_of(call, packed.convexes[b * k + part[at]], at);
            parts[i] = weights[i] != 0 && is_finite(points + 3 * at) ? part[at] : -1;
        }
    });
    for (std::int64_t row = 0; row <= rows; ++row) start[row] = 0;
    parallel(batch, threads, [&](std::int64_t b) {
        for (std::int64_t i = b * n; i < (b + 1) * n; ++i)
            if (parts[i] >= 0) ++start[b * k + parts[i]];
    });
    std::int64_t total = 0, n_pieces = 0;
    for (std::int64_t row = 0; row <= rows; ++row) {
        const std::int64_t count = row < rows ? start[row] : 0;
        start[row] = total;
        pieces[row] = n_pieces;
        total += count;
        n_pieces += (count + PIECE - 1) / PIECE;
    }
    Array<double> totals(n_pieces * per_convex);
    Array<std::int64_t> row_of(n_pieces), place(rows + 1);
    if (!totals || !row_of || !place) return NO_MEMORY;
    for (std::int64_t row = 0; row < rows; ++row) {
        place[row] = start[row];
        for (std::int64_t piece = pieces[row]; piece < pieces[row + 1]; ++piece) row_of[piece] = row;
    }
    parallel(batch, threads, [&](std::int64_t b) {
        for (std::int64_t i = b * n; i < (b + 1) * n; ++i) {
            if (parts[i] < 0) continue;
            const std::int64_t to = place[b * k + parts[i]]++;
            listed[to] = order[i];
            listed_weights[to] = weights[i];
        }
    });

    parallel(n_pieces, threads, [&](std::int64_t piece) {
        const std::int64_t row = row_of[piece], b = row / k;
        const std::int64_t first = start[row] + (piece - pieces[row]) * PIECE;
        const std::int64_t end = least(first + PIECE, start[row + 1]);
        const bool to_points = call.needs & NEEDS_POINTS;
        const Convex<T>& c = packed.convexes[row];
        BackwardScratch<T> scratch(padded);
        if (!scratch) {
            __atomic_store_n(&status, NO_MEMORY, __ATOMIC_RELAXED);
            return;
        }
        Gradient<T> sums{scratch.lanes.get(), {}, {}};
        sums.clear(h);
        std::int64_t planes_kept = 0;
        alignas(64) T xyz[3 * BLOCK], weight[BLOCK], grad_points[3 * BLOCK];
        for (std::int64_t i = first; i < end; i += BLOCK) {
            const int count = int(least(BLOCK, end - i));
            gather_block(xyz, points + b * n * 3, listed.get() + i, count);
            for (int p = 0; p < BLOCK; ++p) weight[p] = p < count ? listed_weights[i + p] : T(0);
            const Box<T> box = box_of_points(xyz, xyz + BLOCK, xyz + 2 * BLOCK);
            const Bounds<T> known = bounds(c, box, scratch.center.get());
            const int n_kept = prune(c, box, known, scratch.center.get(), c.reach, scratch.kept.get());
            if (to_points) std::memset(grad_points, 0, sizeof grad_points);
            gradient_block<false>(c, xyz, scratch.kept.get(), n_kept, weight, call.needs, scratch.work.get(), sums,
                           to_points ? grad_points : nullptr);
            planes_kept += n_kept;
            if (!to_points) continue;
            for (int p = 0; p < count; ++p)
                for (int axis = 0; axis < 3; ++axis)
                    static_cast<T*>(call.grad_points)[3 * (b * n + listed[i + p]) + axis] =
                        grad_points[axis * BLOCK + p];
        }
        double* const mine = totals.get() + piece * per_convex;
        std::memset(mine, 0, static_cast<std::size_t>(per_convex) * sizeof(double));
        sums.add_to(mine, h);
        const std::int64_t visited = (end - first + BLOCK - 1) / BLOCK;
        count_visits(call, visited * k, visited, visited, planes_kept);
    });
    if (status != OK) return status;
    Array<double> nothing(per_convex), broken(per_convex);
    if (!nothing || !broken) return NO_MEMORY;
    std::memset(nothing.get(), 0, static_cast<std::size_t>(per_convex) * sizeof(double));
    poison(broken.get(), h);
    parallel(rows, threads, [&](std::int64_t row) {
        double* sum = nothing.get();
        for (std::int64_t piece = pieces[row]; piece < pieces[row + 1]; ++piece) {
            double* const mine = totals.get() + piece * per_convex;
            if (sum == nothing.get()) {
                sum = mine;
                continue;
            }
            for (std::int64_t i = 0; i < per_convex; ++i) sum[i] += mine[i];
        }
        write_planes(call, packed.convexes[row], row, sum);
    });
    // Points with NaN or infinity stand last.
    for (std::int64_t b = 0; b < batch; ++b)
        for (std::int64_t i = n - 1; i >= 0 && !is_finite(points + 3 * (b * n + order[b * n + i])); --i) {
            const std::int64_t at = b * n + order[b * n + i], row = b * k + part[at];
            poison_point<T>(call, at);
            write_planes(call, packed.convexes[row], row, broken.get());
        }
    return OK;
}

}  // namespace

int convex_backward(const IndicatorCall& call) {
    return call.is_double ? convex_backward<double>(call) : convex_backward<float>(call);
}
int union_backward(const IndicatorCall& call) {
    return call.is_double ? union_backward<double>(call) : union_backward<float>(call);
}

}  // namespace CVX_NS
}  // namespace cvxgeom
