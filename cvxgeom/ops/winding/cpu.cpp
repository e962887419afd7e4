// Winding numbers: the triangles over a point's cell of the plane, one after the other, with the arithmetic of the
// definition in Python.
#include "../../_native/block.h"

namespace cvxgeom {
namespace CVX_NS {

int winding(const WindingCall& call) {
    constexpr std::int64_t STEP = 1024;
    const int u = (call.depth + 1) % 3, v = (call.depth + 2) % 3, w = call.depth;
    const double* const points = static_cast<const double*>(call.points);
    const double* const anchors = static_cast<const double*>(call.anchor);
    const double* const lefts = static_cast<const double*>(call.left);
    const double* const rights = static_cast<const double*>(call.right);
    const double *const nears = static_cast<const double*>(call.near), *const fars = static_cast<const double*>(call.far);
    const double* const slopes = static_cast<const double*>(call.slopes);
    const std::int8_t* const signs = static_cast<const std::int8_t*>(call.sign);
    const std::int64_t* const starts = static_cast<const std::int64_t*>(call.starts);
    const std::int32_t* const triangles = static_cast<const std::int32_t*>(call.triangles);
    parallel((call.n + STEP - 1) / STEP, call.threads, [&](std::int64_t task) {
        for (std::int64_t i = task * STEP; i < least((task + 1) * STEP, call.n); ++i) {
            std::int64_t number = 0;
            double p[3];
            bool inside = true;  // written so that NaN fails
            for (int axis = 0; axis < 3; ++axis) {
                p[axis] = points[3 * i + axis] - call.low[axis];
                inside &= p[axis] >= 0 && p[axis] <= call.high[axis];
            }
            if (inside) {
                const double x = p[u], y = p[v];
                const std::int64_t column = least(static_cast<std::int64_t>(x / call.cell), call.shape[0] - 1);
                const std::int64_t row = least(static_cast<std::int64_t>(y / call.cell), call.shape[1] - 1);
                const std::int64_t flat = column * call.shape[1] + row;
                for (std::int64_t j = starts[flat]; j < starts[flat + 1]; ++j) {
                    const std::int64_t t = triangles[j];
                    int turns = 0;
                    for (int e = 0; e < 3; ++e) {
                        const double *const left = lefts + 6 * t + 2 * e, *const right = rights + 6 * t + 2 * e;
                        if (left[0] <= x && x < right[0] &&
                            (right[0] - left[0]) * (y - left[1]) < (right[1] - left[1]) * (x - left[0]))
                            turns += signs[3 * t + e];
                    }
                    if (!turns) continue;
                    const double* const anchor = anchors + 3 * t;
                    double depth = (x - anchor[u]) * slopes[2 * t] + (y - anchor[v]) * slopes[2 * t + 1];
                    depth = anchor[w] + depth;
                    depth = depth < nears[t] ? nears[t] : depth > fars[t] ? fars[t] : depth;
                    if (depth > p[w]) number += turns;
                }
            }
            static_cast<std::int64_t*>(call.result)[i] = number;
        }
    });
    return OK;
}

}  // namespace CVX_NS
}  // namespace cvxgeom
