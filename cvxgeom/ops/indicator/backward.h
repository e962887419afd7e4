// What the backward kernels share: scratch memory, and how sums become gradients.
#pragma once

#include "evaluate.h"

namespace cvxgeom {
namespace CVX_NS {

template <class T>
struct BackwardScratch {
    Array<T> work, center, lanes;
    Array<int> kept;
    explicit BackwardScratch(std::int64_t padded)
        : work((padded + 4) * BLOCK), center(padded), lanes(padded * 4 * WIDTH<T>), kept(padded + PADDING) {}
    explicit operator bool() const { return work && center && lanes && kept; }
};

template <class T>
static inline bool is_finite(const T* x) {
    return usual(x[0]) && usual(x[1]) && usual(x[2]);
}

// Writes the totals of one convex (see Gradient::add_to) to the gradients that a call asks for.
template <class T, class Call>
static void write_planes(const Call& call, const Convex<T>& c, std::int64_t row, const double* totals) {
    const std::int64_t h = call.h;
    if (call.needs & NEEDS_PLANES) {
        double shift[3] = {0, 0, 0};
        for (std::int64_t j = 0; j < h; ++j) {
            const double* const t = totals + 4 * j;
            for (int axis = 0; axis < 3; ++axis)
                static_cast<T*>(call.grad_normals)[(row * h + j) * 3 + axis] = static_cast<T>(t[axis]);
            static_cast<T*>(call.grad_offsets)[row * h + j] = static_cast<T>(t[3]);
            shift[0] -= t[3] * c.nx[j];
            shift[1] -= t[3] * c.ny[j];
            shift[2] -= t[3] * c.nz[j];
        }
        for (int axis = 0; axis < 3; ++axis)
            static_cast<T*>(call.grad_translations)[row * 3 + axis] = static_cast<T>(shift[axis]);
    }
    if (call.needs & NEEDS_SMOOTHNESS) static_cast<T*>(call.grad_smoothness)[row] = static_cast<T>(totals[4 * h]);
    if (call.needs & NEEDS_SHARPNESS)
        static_cast<T*>(call.grad_sharpness)[row] = static_cast<T>(totals[4 * h + 1] / c.sigma);
}

static inline void poison(double* totals, std::int64_t h) {
    for (std::int64_t j = 0; j < 4 * h + 2; ++j) totals[j] = __builtin_nan("");
}

template <class T, class Call>
static void poison_point(const Call& call, std::int64_t i) {
    if (call.needs & NEEDS_POINTS)
        for (int axis = 0; axis < 3; ++axis) static_cast<T*>(call.grad_points)[3 * i + axis] = T(__builtin_nan(""));
}

}  // namespace CVX_NS
}  // namespace cvxgeom
