#include "order.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "pool.h"

namespace cvxgeom {
namespace {

constexpr std::int64_t CHUNK = 16384;  // points per task, whatever the number of threads
constexpr int PASS_BITS = 15;          // of a key, per pass of the radix sort

struct Spread {  // the bits of a number of up to 8 bits, two zeros between
    std::uint32_t of[256];
    Spread() {
        for (std::uint32_t i = 0; i < 256; ++i) {
            of[i] = 0;
            for (int bit = 0; bit < 8; ++bit) of[i] |= (i >> bit & 1u) << (3 * bit);
        }
    }
};

template <class T>
struct Range {
    T low[3], high[3];
    bool huge;
    std::int64_t finite;
};

template <class T>
bool is_finite(const T* x) {
    return std::isfinite(x[0]) && std::isfinite(x[1]) && std::isfinite(x[2]);
}

template <class T>
Range<T> range_of(const T* points, std::int64_t n) {
    const T limit = HUGE_COORDINATE<T>;
    Range<T> r{{limit, limit, limit}, {-limit, -limit, -limit}, false, 0};
    for (std::int64_t i = 0; i < n; ++i) {
        const T* x = points + 3 * i;
        const bool usual = std::fabs(x[0]) <= limit && std::fabs(x[1]) <= limit && std::fabs(x[2]) <= limit;
        if (!usual) {
            r.huge |= is_finite(x);
            continue;
        }
        ++r.finite;
        for (int axis = 0; axis < 3; ++axis) {
            r.low[axis] = x[axis] < r.low[axis] ? x[axis] : r.low[axis];
            r.high[axis] = x[axis] > r.high[axis] ? x[axis] : r.high[axis];
        }
    }
    return r;
}

template <class F>
void chunks(std::int64_t n, int threads, F&& body) {
    const std::int64_t count = (n + CHUNK - 1) / CHUNK;
    auto run = [&](std::int64_t i) { body(i, i * CHUNK, (i + 1) * CHUNK < n ? (i + 1) * CHUNK : n); };
    parallel_for(
        count, threads, [](void* context, std::int64_t i) { (*static_cast<decltype(run)*>(context))(i); }, &run);
}

// One stable pass: places `from` (null: 0..n-1) by the digit of its keys.
void counting_pass(const std::uint32_t* keys, const std::int32_t* from, std::int32_t* to, std::int64_t n, int shift,
                   std::uint32_t mask, std::uint32_t digits, std::uint32_t* place) {
    std::memset(place, 0, digits * sizeof *place);
    for (std::int64_t i = 0; i < n; ++i) ++place[(keys[i] >> shift) & mask];
    std::uint32_t start = 0;
    for (std::uint32_t d = 0; d < digits; ++d) {
        const std::uint32_t count = place[d];
        place[d] = start;
        start += count;
    }
    for (std::int64_t i = 0; i < n; ++i) {
        const std::int32_t item = from ? from[i] : static_cast<std::int32_t>(i);
        to[place[(keys[item] >> shift) & mask]++] = item;
    }
}

}  // namespace

template <class T>
Ordered order_points(const T* points, std::int64_t n, std::int32_t* order, int threads) {
    static const Spread spread;
    const std::int64_t count = (n + CHUNK - 1) / CHUNK;
    std::unique_ptr<Range<T>[]> ranges(new (std::nothrow) Range<T>[count > 0 ? count : 1]);
    if (!ranges) return {true, false, 0};
    chunks(n, threads, [&](std::int64_t i, std::int64_t first, std::int64_t end) {
        ranges[i] = range_of(points + 3 * first, end - first);
    });
    Range<T> all = range_of(points, 0);
    for (std::int64_t i = 0; i < count; ++i) {
        all.huge |= ranges[i].huge;
        all.finite += ranges[i].finite;
        for (int axis = 0; axis < 3; ++axis) {
            all.low[axis] = ranges[i].low[axis] < all.low[axis] ? ranges[i].low[axis] : all.low[axis];
            all.high[axis] = ranges[i].high[axis] > all.high[axis] ? ranges[i].high[axis] : all.high[axis];
        }
    }
    if (all.huge) return {false, true, 0};
    if (n <= 64 || all.finite == 0) {  // a single block, whatever the order
        std::int64_t finite = 0, rest = all.finite;
        for (std::int64_t i = 0; i < n; ++i) order[is_finite(points + 3 * i) ? finite++ : rest++] = std::int32_t(i);
        return {true, true, all.finite};
    }

    // About eight points per cell: finer cells would not make the blocks more compact.
    int bits = 1;
    while (bits < 8 && (std::int64_t(8) << (3 * bits)) < n) ++bits;
    // Cells are cubes, but for flat sets, where they may be flat too.
    T longest = 0, scale[3];
    for (int axis = 0; axis < 3; ++axis) longest = std::fmax(longest, all.high[axis] - all.low[axis]);
    for (int axis = 0; axis < 3; ++axis) {
        const T extent = std::fmax(all.high[axis] - all.low[axis], longest / 4);
        scale[axis] = extent > 0 ? T(1 << bits) / extent : T(0);
        if (!std::isfinite(scale[axis])) scale[axis] = 0;
    }
    const std::uint32_t last = 1u << (3 * bits);  // key of a point that is not finite
    const int low_bits = 3 * bits <= PASS_BITS ? 0 : 3 * bits / 2;
    const std::uint32_t digits = (last >> low_bits) + 1;
    std::unique_ptr<std::uint32_t[]> keys(new (std::nothrow) std::uint32_t[n]);
    std::unique_ptr<std::uint32_t[]> place(new (std::nothrow) std::uint32_t[digits]);
    std::unique_ptr<std::int32_t[]> between(new (std::nothrow) std::int32_t[low_bits ? n : 1]);
    if (!keys || !place || !between) return {true, false, 0};
    chunks(n, threads, [&](std::int64_t, std::int64_t first, std::int64_t end) {
        const std::int32_t top = (1 << bits) - 1;
        for (std::int64_t i = first; i < end; ++i) {
            const T* x = points + 3 * i;
            if (all.finite < n && !is_finite(x)) {
                keys[i] = last;
                continue;
            }
            std::uint32_t key = 0;
            for (int axis = 0; axis < 3; ++axis) {
                const std::int32_t cell = static_cast<std::int32_t>((x[axis] - all.low[axis]) * scale[axis]);
                key |= spread.of[cell < top ? cell : top] << axis;
            }
            keys[i] = key;
        }
    });
    if (low_bits) counting_pass(keys.get(), nullptr, between.get(), n, 0, (1u << low_bits) - 1, 1u << low_bits, place.get());
    counting_pass(keys.get(), low_bits ? between.get() : nullptr, order, n, low_bits, ~0u, digits, place.get());
    return {true, true, all.finite};
}

template Ordered order_points<float>(const float*, std::int64_t, std::int32_t*, int);
template Ordered order_points<double>(const double*, std::int64_t, std::int32_t*, int);

}  // namespace cvxgeom
