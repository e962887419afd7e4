// Points along a Morton curve, so that neighbors in the list are neighbors in space.
#pragma once

#include <cstdint>

namespace cvxgeom {

// Coordinates beyond this could overflow in a product of two.
template <class T>
constexpr T HUGE_COORDINATE = sizeof(T) == 4 ? T(1e18) : T(1e150);

struct Ordered {
    bool usual;           // false: some coordinate is finite and huge; nothing is ordered
    bool memory;          // false: there was none
    std::int64_t finite;  // so many points come first; those with NaN or infinity follow
};

// Writes a permutation of 0..n-1; the same whatever the number of threads.
template <class T>
Ordered order_points(const T* points, std::int64_t n, std::int32_t* order, int threads);

}  // namespace cvxgeom
