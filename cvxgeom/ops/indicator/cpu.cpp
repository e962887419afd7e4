// Forward kernels: each convex by itself, and unions, where most convexes are ruled out a block at a time.
#include "choose.h"

namespace cvxgeom {
namespace CVX_NS {
namespace {

constexpr std::int64_t ROW_BLOCKS = 1024;  // blocks per task of convex_forward, where it takes less than a row
constexpr int ROWS = 4;                    // rows per task, where it takes more

// Threads cost more than they bring below about 30 µs of work.
int threads_for(const IndicatorCall& call) {
    return double(call.batch) * call.n * call.k * call.h < 65536 ? 1 : call.threads;
}

template <class T>
struct Scratch {
    Array<T> work, center;
    Array<int> kept;
    explicit Scratch(std::int64_t padded)
        : work(padded * GROUP * WIDTH<T>), center(padded), kept(padded + PADDING) {}
    explicit operator bool() const { return work && center && kept; }
};

// Values of one convex at a block of points. Returns how many planes it took: none if all values are 0 or all are 1.
template <class T>
int values_of_block(const IndicatorCall& call, const Convex<T>& c, const Box<T>& box, const T* xyz, Scratch<T>& scratch,
                    T* out) {
    const Bounds<T> known = bounds(c, box, scratch.center.get());
    if (call.sharpness) {
        const bool out_of_it = c.sigma * known.low > Format<T>::UNDERFLOW_AT * (1 + 8 * Format<T>::EPS);
        const bool deep_inside = c.sigma * (known.high + c.spread) < -Format<T>::NEGLIGIBLE - T(0.1);
        if (out_of_it || deep_inside) {
            for (int j = 0; j < BLOCK; ++j) out[j] = deep_inside ? T(1) : T(0);
            return 0;
        }
    }
    const int n_kept = prune(c, box, known, scratch.center.get(), c.reach, scratch.kept.get());
    sdf_block(c, xyz, scratch.kept.get(), n_kept, scratch.work.get(), out);
    if (call.sharpness)
        for (int j = 0; j < BLOCK; j += WIDTH<T>) store(out + j, indicator_of<T>(load(out + j) * splat(c.sigma)));
    return n_kept;
}

// ROW_BLOCKS blocks of the row of one convex. False if there is no memory.
template <class T>
bool part_of_row(const IndicatorCall& call, const Packed<T>& packed, const Ranked<T>& ranked, const Blocks<T>& all,
                 std::int64_t b, std::int64_t convex, std::int64_t first) {
    const std::int64_t row = b * call.k + convex, end = least(first + ROW_BLOCKS, ranked.blocks_used(b));
    const std::int32_t* const order = ranked.order + b * call.n;
    T* const value = static_cast<T*>(call.value) + row * call.n;
    Scratch<T> scratch(round_up(call.h, PADDING));
    if (!scratch) return false;
    std::int64_t visited = 0, planes_kept = 0;
    alignas(64) T out[BLOCK];
    for (std::int64_t i = first; i < end; ++i) {
        const std::int64_t at = b * ranked.blocks + i;
        const int n_kept = values_of_block(call, packed.convexes[row], all.box(at), all.block(at), scratch, out);
        for (int p = 0; p < ranked.in_block(b, i); ++p) value[order[i * BLOCK + p]] = out[p];
        visited += n_kept > 0;
        planes_kept += n_kept;
    }
    if (first == 0)
        for (std::int64_t i = ranked.finite[b]; i < call.n; ++i) value[order[i]] = T(__builtin_nan(""));
    const std::int64_t pairs = end > first ? end - first : 0;
    count_visits(call, pairs, pairs, visited, planes_kept);
    return true;
}

// The rows of up to ROWS convexes. False if there is no memory.
template <class T>
bool rows_side_by_side(const IndicatorCall& call, const Packed<T>& packed, const Ranked<T>& ranked, const Blocks<T>& all,
                       const std::int32_t* place, std::int64_t b, std::int64_t convex) {
    const std::int64_t rows = least(ROWS, call.k - convex), n = call.n, used = ranked.blocks_used(b);
    Scratch<T> scratch(round_up(call.h, PADDING));
    Array<T> lines(ranked.blocks * BLOCK * ROWS);  // (points along the curve, ROWS)
    if (!scratch || !lines) return false;
    std::int64_t visited = 0, planes_kept = 0;
    alignas(64) T out[ROWS][BLOCK] = {};
    for (std::int64_t i = 0; i < used; ++i) {
        const std::int64_t at = b * ranked.blocks + i;
        for (std::int64_t r = 0; r < rows; ++r) {
            const Convex<T>& c = packed.convexes[b * call.k + convex + r];
            const int n_kept = values_of_block(call, c, all.box(at), all.block(at), scratch, out[r]);
            visited += n_kept > 0;
            planes_kept += n_kept;
        }
        T* const to = lines.get() + i * BLOCK * ROWS;
        for (int p = 0; p < BLOCK; ++p)
            for (int r = 0; r < ROWS; ++r) to[p * ROWS + r] = out[r][p];
    }
    for (std::int64_t i = ranked.finite[b] * ROWS; i < n * ROWS; ++i) lines[i] = T(__builtin_nan(""));
    // A cache line of each row at a time.
    constexpr int LINE = 64 / sizeof(T);
    T* const value = static_cast<T*>(call.value) + (b * call.k + convex) * n;
    alignas(64) T tile[ROWS][LINE] = {};
    for (std::int64_t i = 0; i < n; i += LINE) {
        const int count = int(least(LINE, n - i));
        for (int p = 0; p < count; ++p) {
            const T* const from = lines.get() + std::int64_t(place[b * n + i + p]) * ROWS;
            for (int r = 0; r < ROWS; ++r) tile[r][p] = from[r];
        }
        for (std::int64_t r = 0; r < rows; ++r) {
            T* const to = value + r * n + i;
            if (count == LINE && reinterpret_cast<std::uintptr_t>(to) % 64 == 0)
                for (int p = 0; p < LINE; p += WIDTH<T>) stream(to + p, load(tile[r] + p));
            else
                std::memcpy(to, tile[r], static_cast<std::size_t>(count) * sizeof(T));
        }
    }
    finish_streams();
    count_visits(call, used * rows, used * rows, visited, planes_kept);
    return true;
}

template <class T>
int convex_forward(const IndicatorCall& call) {
    const int threads = threads_for(call);
    const std::int64_t n = call.n, k = call.k, padded = round_up(call.h, PADDING);
    Packed<T> packed(call.batch * k, padded);
    int status = pack(packed, call.batch * k, call.h, padded, call.normals, call.offsets, call.translations,
                      call.smoothness, call.sharpness, threads);
    if (status != OK) return status;
    Ranked<T> ranked(call.points, call.batch, n, call.order);
    status = rank(ranked, call.batch, threads, true);
    if (status != OK) return status;
    Blocks<T> all(call.batch * ranked.blocks);
    status = gather_all(all, ranked, call.batch, threads);
    if (status != OK) return status;

    // Results lie along the curve first. Where there is enough work for all threads that way, a few rows of them are then
    // read in the order of the points, side by side, so that a line of the cache serves them all; else parts of a row are
    // written in that order.
    const std::int64_t groups = (k + ROWS - 1) / ROWS;
    const bool side_by_side = call.batch * groups >= 4 * threads;
    Array<std::int32_t> place(side_by_side ? call.batch * n : 0);
    if (!place) return NO_MEMORY;
    if (side_by_side)
        parallel(call.batch, threads, [&](std::int64_t b) {
            for (std::int64_t i = b * n; i < (b + 1) * n; ++i) place[b * n + ranked.order[i]] = std::int32_t(i - b * n);
        });
    prefer_large_pages(call.value, call.batch * k * n * std::int64_t(sizeof(T)));
    const std::int64_t parts = side_by_side ? groups : k * ((ranked.blocks + ROW_BLOCKS - 1) / ROW_BLOCKS);
    parallel(call.batch * parts, threads, [&](std::int64_t task) {
        const std::int64_t b = task / parts, part = task % parts;
        const bool done = side_by_side ? rows_side_by_side(call, packed, ranked, all, place.get(), b, part * ROWS)
                                       : part_of_row(call, packed, ranked, all, b, part % k, part / k * ROW_BLOCKS);
        if (!done) __atomic_store_n(&status, NO_MEMORY, __ATOMIC_RELAXED);
    });
    return status;
}

template <class T>
int union_forward(const IndicatorCall& call) {
    using Integer = typename Lanes<T>::integer;
    const int threads = threads_for(call);
    const std::int64_t n = call.n, k = call.k, padded = round_up(call.h, PADDING);
    Packed<T> packed(call.batch * k, padded);
    int status = pack(packed, call.batch * k, call.h, padded, call.normals, call.offsets, call.translations,
                      call.smoothness, call.sharpness, threads);
    if (status != OK) return status;
    Ranked<T> ranked(call.points, call.batch, n, call.order);
    status = rank(ranked, call.batch, threads, true);
    if (status != OK) return status;

    const bool indicator = call.sharpness != nullptr;
    const std::int64_t supers = (ranked.blocks + SUPER - 1) / SUPER;
    parallel(call.batch * supers, threads, [&](std::int64_t task) {
        const std::int64_t b = task / supers, first = task % supers * SUPER;
        const std::int64_t end = least(first + SUPER, ranked.blocks_used(b));
        const Convex<T>* const convexes = packed.convexes.get() + b * k;
        T* const value = static_cast<T*>(call.value) + b * n;
        std::int32_t* const part = static_cast<std::int32_t*>(call.part) + b * n;
        const std::int32_t* const order = ranked.order + b * n;
        Scratch<T> scratch(padded);
        Blocks<T> mine(SUPER);
        Array<Candidate<T>> coarse(k), fine(k);
        if (!scratch || !mine || !coarse || !fine) {
            __atomic_store_n(&status, NO_MEMORY, __ATOMIC_RELAXED);
            return;
        }
        if (first == 0)
            for (std::int64_t j = ranked.finite[b]; j < n; ++j) {
                value[order[j]] = T(__builtin_nan(""));
                part[order[j]] = 0;
            }
        if (first >= end) return;
        mine.gather(ranked, b, first, end);
        std::int64_t n_coarse = k, visited = 0, planes_kept = 0;
        if (end - first > 1) {
            const Box<T> around = box_of_boxes(&mine.box(first), end - first);
            T floor, ceiling;
            n_coarse = choose<T>(convexes, nullptr, k, around, scratch.center.get(), coarse.get(), &floor, &ceiling);
        } else {
            for (std::int64_t i = 0; i < k; ++i) coarse[i].k = i;
        }
        alignas(64) T best[BLOCK];
        alignas(64) Integer best_part[BLOCK];
        for (std::int64_t i = first; i < end; ++i) {
            const Box<T>& box = mine.box(i);
            T floor, ceiling;
            const std::int64_t n_fine = choose<T>(convexes, coarse.get(), n_coarse, box, scratch.center.get(),
                                                  fine.get(), &floor, &ceiling);
            arrange(fine.get(), n_fine);
            for (int j = 0; j < BLOCK; ++j) {
                best[j] = -NOWHERE<T>;
                best_part[j] = 0;
            }
            T worst = -NOWHERE<T>;
            for (std::int64_t j = 0; j < n_fine; ++j) {
                const T low = fine[j].low;
                if (low > worst) continue;
                // An indicator that is exactly 0 or 1 in this precision, whichever convex is to be thanked for it.
                if (indicator && (low > Format<T>::UNDERFLOW_AT * (1 + 8 * Format<T>::EPS) ||
                                  worst < -Format<T>::NEGLIGIBLE - T(0.1)))
                    continue;
                const Convex<T>& c = convexes[fine[j].k];
                const Bounds<T> known = bounds(c, box, scratch.center.get());
                const int n_kept = prune(c, box, known, scratch.center.get(), c.reach, scratch.kept.get());
                improve_block(c, static_cast<Integer>(fine[j].k), mine.block(i), scratch.kept.get(), n_kept,
                              scratch.work.get(), best, best_part);
                worst = largest(best);
                ++visited;
                planes_kept += n_kept;
            }
            const std::int32_t* const at = order + i * BLOCK;
            const int count = ranked.in_block(b, i);
            if (indicator)
                for (int j = 0; j < BLOCK; j += WIDTH<T>) store(best + j, indicator_of<T>(load(best + j)));
            for (int j = 0; j < count; ++j) {
                value[at[j]] = best[j];
                part[at[j]] = static_cast<std::int32_t>(best_part[j]);
            }
        }
        count_visits(call, (end - first) * k, (end - first) * n_coarse, visited, planes_kept);
    });
    return status;
}

template <class T>
int contains(const IndicatorCall& call) {
    const int threads = threads_for(call);
    const std::int64_t n = call.n, k = call.k, padded = round_up(call.h, PADDING);
    Packed<T> packed(call.batch * k, padded);
    int status = pack(packed, call.batch * k, call.h, padded, call.normals, call.offsets, call.translations, nullptr,
                      nullptr, threads);
    if (status != OK) return status;
    Ranked<T> ranked(call.points, call.batch, n, call.order);
    status = rank(ranked, call.batch, threads, true);
    if (status != OK) return status;

    const std::int64_t supers = (ranked.blocks + SUPER - 1) / SUPER;
    parallel(call.batch * supers, threads, [&](std::int64_t task) {
        const std::int64_t b = task / supers, first = task % supers * SUPER;
        const std::int64_t end = least(first + SUPER, ranked.blocks_used(b));
        const Convex<T>* const convexes = packed.convexes.get() + b * k;
        std::uint8_t* const value = static_cast<std::uint8_t*>(call.value) + b * n;
        const std::int32_t* const order = ranked.order + b * n;
        Scratch<T> scratch(padded);
        Blocks<T> mine(SUPER);
        Array<std::int64_t> near(k);
        if (!scratch || !mine || !near) {
            __atomic_store_n(&status, NO_MEMORY, __ATOMIC_RELAXED);
            return;
        }
        if (first == 0)
            for (std::int64_t j = ranked.finite[b]; j < n; ++j) value[order[j]] = 0;
        if (first >= end) return;
        mine.gather(ranked, b, first, end);
        const Box<T> around = box_of_boxes(&mine.box(first), end - first);
        std::int64_t n_near = 0, visited = 0, planes_kept = 0;
        for (std::int64_t i = 0; i < k; ++i)
            if (bounds(convexes[i], around, scratch.center.get()).low <= 0) near[n_near++] = i;
        alignas(64) T deepest[BLOCK];  // min over convexes of max_h L
        for (std::int64_t i = first; i < end; ++i) {
            const Box<T>& box = mine.box(i);
            for (int j = 0; j < BLOCK; ++j) deepest[j] = -NOWHERE<T>;
            for (std::int64_t j = 0; j < n_near; ++j) {
                const Convex<T>& c = convexes[near[j]];
                const Bounds<T> known = bounds(c, box, scratch.center.get());
                if (known.low > 0) continue;
                if (known.high < 0) {
                    for (int v = 0; v < BLOCK; ++v) deepest[v] = T(-1);
                    break;
                }
                const int n_kept = prune(c, box, known, scratch.center.get(), T(0), scratch.kept.get());
                const T* const xyz = mine.block(i);
                for (int v = 0; v < BLOCK; v += GROUP * WIDTH<T>) {
                    const Local<T> at(c, xyz, v);
                    Vec<T> most[GROUP];
                    distances_to(c, at, scratch.kept.get(), n_kept, scratch.work.get(), GROUP * WIDTH<T>, most);
                    for (int g = 0; g < GROUP; ++g)
                        store(deepest + v + g * WIDTH<T>, min(most[g], load(deepest + v + g * WIDTH<T>)));
                }
                ++visited;
                planes_kept += n_kept;
                if (largest(deepest) <= 0) break;
            }
            const std::int32_t* const at = order + i * BLOCK;
            const int count = ranked.in_block(b, i);
            for (int j = 0; j < count; ++j) value[at[j]] = deepest[j] <= 0;
        }
        count_visits(call, (end - first) * k, (end - first) * n_near, visited, planes_kept);
    });
    return status;
}

}  // namespace

int convex_forward(const IndicatorCall& call) {
    return call.is_double ? convex_forward<double>(call) : convex_forward<float>(call);
}
int union_forward(const IndicatorCall& call) {
    return call.is_double ? union_forward<double>(call) : union_forward<float>(call);
}
int contains(const IndicatorCall& call) { return call.is_double ? contains<double>(call) : contains<float>(call); }

}  // namespace CVX_NS
}  // namespace cvxgeom
