// Which convexes may decide a union somewhere in a box.
#pragma once

#include "evaluate.h"

namespace cvxgeom {
namespace CVX_NS {

constexpr int SORTED_CANDIDATES = 64;

template <class T>
struct Candidate {
    std::int64_t k;
    T low;  // of σΦ in the box
};

// Keeps of `from` (null: all n) the convexes that may be the minimum of σΦ somewhere in the box; returns how many.
// Everywhere in the box the minimum is between `floor` and `ceiling`.
template <class T>
static std::int64_t choose(const Convex<T>* convexes, const Candidate<T>* from, std::int64_t n, const Box<T>& box,
                           T* center, Candidate<T>* to, T* floor, T* ceiling) {
    T lowest = -NOWHERE<T>, highest = -NOWHERE<T>;
    for (std::int64_t i = 0; i < n; ++i) {
        const std::int64_t k = from ? from[i].k : i;
        const Convex<T>& c = convexes[k];
        const Bounds<T> known = bounds(c, box, center);
        const T high = c.sigma * (known.high + c.spread * (1 + 8 * Format<T>::EPS));
        to[i] = {k, c.sigma * known.low};
        // Rounding of the product and of Φ, once more.
        const T sure = high + 8 * Format<T>::EPS * (high < 0 ? -high : high);
        highest = sure < highest ? sure : highest;
        lowest = to[i].low < lowest ? to[i].low : lowest;
    }
    std::int64_t left = 0;
    for (std::int64_t i = 0; i < n; ++i)
        if (to[i].low <= highest) to[left++] = to[i];
    *floor = lowest;
    *ceiling = highest;
    return left;
}

// Nearest first, so that the others can be ruled out by it.
template <class T>
static void arrange(Candidate<T>* list, std::int64_t n) {
    if (n > SORTED_CANDIDATES) {
        std::int64_t nearest = 0;
        for (std::int64_t i = 1; i < n; ++i)
            if (list[i].low < list[nearest].low) nearest = i;
        const Candidate<T> front = list[nearest];
        list[nearest] = list[0];
        list[0] = front;
        return;
    }
    for (std::int64_t i = 1; i < n; ++i) {
        const Candidate<T> item = list[i];
        std::int64_t j = i;
        for (; j > 0 && list[j - 1].low > item.low; --j) list[j] = list[j - 1];
        list[j] = item;
    }
}

template <class T>
static inline T largest(const T* values) {
    Vec<T> most = load(values);
    for (int i = WIDTH<T>; i < BLOCK; i += WIDTH<T>) most = max(most, load(values + i));
    return max_lanes<T>(most);
}

}  // namespace CVX_NS
}  // namespace cvxgeom
