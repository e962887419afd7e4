// What splitting a solid counts. Rows leave a loop at the first limit that they exceed: most do at the first few.
#include <vector>

#include "../../_native/block.h"

namespace cvxgeom {
namespace CVX_NS {
namespace {

bool is_below(const float* row, const float* limit, std::int64_t columns) {
    for (std::int64_t d = 0; d < columns; ++d)
        if (!(row[d] <= limit[d])) return false;
    return true;
}

}  // namespace

int cut_excess(const CutsCall& call) {
    const std::int64_t columns = call.columns, points = call.n_along;
    const float *const rows = static_cast<const float*>(call.rows), *const along = static_cast<const float*>(call.along);
    const float* const weights = static_cast<const float*>(call.weights);
    parallel(call.n_cuts, call.threads, [&](std::int64_t c) {
        const unsigned char* const left = static_cast<const unsigned char*>(call.left) + c * points;
        std::vector<float> reach(2 * columns, -__builtin_inff());
        for (std::int64_t i = 0; i < points; ++i) {
            float* const half = reach.data() + (left[i] ? 0 : columns);
            const float* const row = along + i * columns;
            for (std::int64_t d = 0; d < columns; ++d) half[d] = row[d] > half[d] ? row[d] : half[d];
        }
        double sums[3] = {0, 0, 0};
        for (std::int64_t i = 0; i < call.n; ++i) {
            const bool near = is_below(rows + i * columns, reach.data(), columns);
            const bool far = is_below(rows + i * columns, reach.data() + columns, columns);
            sums[0] += near ? weights[i] : 0;
            sums[1] += far ? weights[i] : 0;
            sums[2] += near || far ? weights[i] : 0;
        }
        for (int k = 0; k < 3; ++k) static_cast<float*>(call.result)[3 * c + k] = static_cast<float>(sums[k]);
    });
    return OK;
}

// Blocks of rows of which none is below a limit in one of the first columns are skipped; if neighbors in the list are
// neighbors in space, and these columns the six sides of a box, those are most.
int weight_below(const CutsCall& call) {
    constexpr std::int64_t BLOCK = 64;
    const std::int64_t columns = call.columns, first = least(6, columns), blocks = (call.n + BLOCK - 1) / BLOCK;
    const float* const rows = static_cast<const float*>(call.rows);
    const float* const weights = static_cast<const float*>(call.weights);
    std::vector<float> lowest(blocks * first, __builtin_inff());
    for (std::int64_t i = 0; i < call.n; ++i) {
        float* const low = lowest.data() + i / BLOCK * first;
        const float* const row = rows + i * columns;
        for (std::int64_t d = 0; d < first; ++d) low[d] = row[d] < low[d] ? row[d] : low[d];
    }
    parallel(call.n_along, call.threads, [&](std::int64_t c) {
        const float* const limit = static_cast<const float*>(call.along) + c * columns;
        double sum = 0;
        for (std::int64_t b = 0; b < blocks; ++b) {
            if (!is_below(lowest.data() + b * first, limit, first)) continue;
            const std::int64_t end = least((b + 1) * BLOCK, call.n);
            for (std::int64_t i = b * BLOCK; i < end; ++i)
                if (is_below(rows + i * columns, limit, columns)) sum += weights[i];
        }
        static_cast<float*>(call.result)[c] = static_cast<float>(sum);
    });
    return OK;
}

// A vector of points leaves the loop at the plane that the last of them lies outside of: neighbors soon do.
int points_within(const CutsCall& call) {
    constexpr std::int64_t STEP = 4096;
    constexpr int W = WIDTH<float>;
    const float *const points = static_cast<const float*>(call.rows), *const normals = static_cast<const float*>(call.along);
    const float* const offsets = static_cast<const float*>(call.weights);
    parallel((call.n + STEP - 1) / STEP, call.threads, [&](std::int64_t task) {
        const std::int64_t end = least((task + 1) * STEP, call.n);
        for (std::int64_t i = task * STEP; i < end; i += W) {
            const std::int64_t count = least(W, end - i);
            VecF x{}, y{}, z{};
            for (std::int64_t j = 0; j < count; ++j) {
                x[j] = points[3 * (i + j)];
                y[j] = points[3 * (i + j) + 1];
                z[j] = points[3 * (i + j) + 2];
            }
            Mask<float> inside = VecF{} == VecF{};
            for (std::int64_t h = 0; h < call.n_along && lanes_set(inside); ++h) {
                const float* const n = normals + 3 * h;
                inside &= splat(n[0]) * x + splat(n[1]) * y + splat(n[2]) * z + splat(offsets[h]) <= VecF{};
            }
            const unsigned bits = lanes_set(inside);
            for (std::int64_t j = 0; j < count; ++j) static_cast<unsigned char*>(call.result)[i + j] = bits >> j & 1;
        }
    });
    return OK;
}

}  // namespace CVX_NS
}  // namespace cvxgeom
