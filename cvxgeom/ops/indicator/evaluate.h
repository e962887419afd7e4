// Φ of one convex at one block of points, and its derivatives, from the planes that matter there.
#pragma once

#include "../../_native/block.h"

namespace cvxgeom {
namespace CVX_NS {

constexpr int GROUP = CVX_BYTES == 64 ? 4 : 2;  // vectors of points that go through the planes together: as registers allow

template <class T>
struct Local {  // a group of points in the convex's frame
    Vec<T> x[GROUP], y[GROUP], z[GROUP];

    Local(const Convex<T>& c, const T* xyz, int first) {
        for (int g = 0; g < GROUP; ++g) {
            x[g] = load(xyz + first + g * WIDTH<T>) - splat(c.t[0]);
            y[g] = load(xyz + BLOCK + first + g * WIDTH<T>) - splat(c.t[1]);
            z[g] = load(xyz + 2 * BLOCK + first + g * WIDTH<T>) - splat(c.t[2]);
        }
    }
};

// Distances to the kept planes, one row of `stride` numbers per plane, and their maximum.
template <class T>
static inline void distances_to(const Convex<T>& c, const Local<T>& at, const int* kept, int n_kept, T* rows,
                                int stride, Vec<T>* most) {
    for (int g = 0; g < GROUP; ++g) most[g] = splat(NOWHERE<T>);
    for (int j = 0; j < n_kept; ++j) {
        const int h = kept[j];
        const Vec<T> nx = splat(c.nx[h]), ny = splat(c.ny[h]), nz = splat(c.nz[h]), d = splat(c.d[h]);
        for (int g = 0; g < GROUP; ++g) {
            const Vec<T> l = fma(nx, at.x[g], fma(ny, at.y[g], fma(nz, at.z[g], d)));
            store(rows + j * stride + g * WIDTH<T>, l);
            most[g] = max(most[g], l);
        }
    }
}

template <class T>
static inline void sdf_from(const Convex<T>& c, int n_kept, const T* distances, const Vec<T>* most, Vec<T>* sdf) {
    if (n_kept == 1) {
        for (int g = 0; g < GROUP; ++g) sdf[g] = most[g];
        return;
    }
    const Vec<T> rate = splat(c.rate), cutoff = splat(c.cutoff);
    Vec<T> sum[GROUP] = {};
    for (int j = 0; j < n_kept; ++j)
        for (int g = 0; g < GROUP; ++g) {
            const Vec<T> l = load(distances + (j * GROUP + g) * WIDTH<T>);
            sum[g] += exp2_or_zero<T>((l - most[g]) * rate, cutoff);
        }
    for (int g = 0; g < GROUP; ++g) sdf[g] = fma(log_positive<T>(sum[g]), splat(c.inverse_delta), most[g]);
}

// Φ at all points of a block.
template <class T>
static inline void sdf_block(const Convex<T>& c, const T* xyz, const int* kept, int n_kept, T* work, T* sdf) {
    for (int i = 0; i < BLOCK; i += GROUP * WIDTH<T>) {
        const Local<T> at(c, xyz, i);
        Vec<T> most[GROUP], phi[GROUP];
        distances_to(c, at, kept, n_kept, work, GROUP * WIDTH<T>, most);
        sdf_from(c, n_kept, work, most, phi);
        for (int g = 0; g < GROUP; ++g) store(sdf + i + g * WIDTH<T>, phi[g]);
    }
}

// Lowers best = min over convexes of σΦ, and notes which convex it was; of equal ones the first.
template <class T>
static inline void improve_block(const Convex<T>& c, typename Lanes<T>::integer part, const T* xyz, const int* kept,
                                 int n_kept, T* work, T* best, typename Lanes<T>::integer* best_part) {
    const Vec<T> sigma = splat(c.sigma);
    for (int i = 0; i < BLOCK; i += GROUP * WIDTH<T>) {
        const Local<T> at(c, xyz, i);
        Vec<T> most[GROUP], phi[GROUP], before[GROUP];
        distances_to(c, at, kept, n_kept, work, GROUP * WIDTH<T>, most);
        unsigned hope = 0;  // Φ is at least the maximum
        for (int g = 0; g < GROUP; ++g) {
            before[g] = load(best + i + g * WIDTH<T>);
            hope |= lanes_set(most[g] * sigma <= before[g]);
        }
        if (!hope) continue;
        sdf_from(c, n_kept, work, most, phi);
        for (int g = 0; g < GROUP; ++g) {
            const Vec<T> s = phi[g] * sigma;
            Mask<T> old;
            std::memcpy(&old, best_part + i + g * WIDTH<T>, sizeof old);
            const Mask<T> better = (s < before[g]) | ((s == before[g]) & (part < old));
            const Vec<T> now = min(s, before[g]);
            store(best + i + g * WIDTH<T>, now);
            const Mask<T> chosen = (better & part) | (~better & old);
            std::memcpy(best_part + i + g * WIDTH<T>, &chosen, sizeof chosen);
        }
    }
}

// Sums over points of one convex, one lane each, and their totals in double.
template <class T>
struct Gradient {
    T* lanes;       // (H, 4, WIDTH): Σ w p x, Σ w p y, Σ w p z, Σ w p in the convex's frame
    Vec<T> delta;   // Σ w ∂Φ/∂δ
    Vec<T> sigma;   // Σ w Φ

    void clear(std::int64_t h) {
        std::memset(lanes, 0, static_cast<std::size_t>(h) * 4 * CVX_BYTES);
        delta = sigma = Vec<T>{};
    }
    // Adds to (h, 4) planes, then δ, then σ.
    void add_to(double* totals, std::int64_t h) const {
        for (std::int64_t i = 0; i < 4 * h; ++i) {
            double sum = 0;
            for (int lane = 0; lane < WIDTH<T>; ++lane) sum += lanes[i * WIDTH<T> + lane];
            totals[i] += sum;
        }
        for (int lane = 0; lane < WIDTH<T>; ++lane) {
            totals[4 * h] += delta[lane];
            totals[4 * h + 1] += sigma[lane];
        }
    }
};

// Adds the derivatives of Σ_i weight_i Φ(x_i) over a block or, OF_INDICATOR, of Σ_i weight_i C(x_i).
// work: (H + 4) · BLOCK numbers; grad_points: (3, BLOCK), added to, or null.
template <bool OF_INDICATOR, class T>
static inline void gradient_block(const Convex<T>& c, const T* xyz, const int* kept, int n_kept, const T* weight,
                                  int needs, T* work, Gradient<T>& to, T* grad_points) {
    constexpr int W = WIDTH<T>;
    T* const local = work;             // (3, BLOCK) points in the convex's frame
    T* const scaled = work + 3 * BLOCK;  // weight / sum
    T* const shares = work + 4 * BLOCK;  // (kept, BLOCK) exponentials
    const Vec<T> rate = splat(c.rate), cutoff = splat(c.cutoff), inverse = splat(c.inverse_delta);
    for (int i = 0; i < BLOCK; i += GROUP * W) {
        const Local<T> at(c, xyz, i);
        Vec<T> most[GROUP], sum[GROUP] = {}, moment[GROUP] = {};
        for (int g = 0; g < GROUP; ++g) {
            store(local + i + g * W, at.x[g]);
            store(local + BLOCK + i + g * W, at.y[g]);
            store(local + 2 * BLOCK + i + g * W, at.z[g]);
        }
        distances_to(c, at, kept, n_kept, shares + i, BLOCK, most);
        for (int j = 0; j < n_kept; ++j)
            for (int g = 0; g < GROUP; ++g) {
                T* const place = shares + j * BLOCK + i + g * W;
                const Vec<T> y = max((load(place) - most[g]) * rate, cutoff * T(2));
                const Vec<T> e = exp2_or_zero<T>(y, cutoff);
                store(place, e);
                sum[g] += e;
                moment[g] = fma(e, y, moment[g]);
            }
        for (int g = 0; g < GROUP; ++g) {
            Vec<T> w = load(weight + i + g * W), log_sum{};
            if (OF_INDICATOR || (needs & (NEEDS_SMOOTHNESS | NEEDS_SHARPNESS))) log_sum = log_positive<T>(sum[g]);
            if (OF_INDICATOR) {
                const Vec<T> inside = indicator_of<T>(fma(log_sum, inverse, most[g]) * c.sigma);
                w *= inside * (T(1) - inside) * -c.sigma;
            }
            const Vec<T> over = T(1) / sum[g];
            store(scaled + i + g * W, w * over);
            if (needs & (NEEDS_SMOOTHNESS | NEEDS_SHARPNESS)) {
                // δ² ∂Φ/∂δ = Σ_h p_h δ (L_h − m) − log Σ
                const Vec<T> turn = moment[g] * over * Format<T>::LN2 - log_sum;
                to.delta += w * turn * inverse * inverse;
                to.sigma += w * fma(log_sum, inverse, most[g]);
            }
        }
    }
    if (needs & NEEDS_PLANES) {
        for (int j = 0; j < n_kept; ++j) {
            T* const sums = to.lanes + kept[j] * 4 * W;
            Vec<T> sx = load(sums), sy = load(sums + W), sz = load(sums + 2 * W), s = load(sums + 3 * W);
            for (int i = 0; i < BLOCK; i += W) {
                const Vec<T> share = load(shares + j * BLOCK + i) * load(scaled + i);
                sx = fma(share, load(local + i), sx);
                sy = fma(share, load(local + BLOCK + i), sy);
                sz = fma(share, load(local + 2 * BLOCK + i), sz);
                s += share;
            }
            store(sums, sx);
            store(sums + W, sy);
            store(sums + 2 * W, sz);
            store(sums + 3 * W, s);
        }
    }
    if (grad_points) {
        for (int i = 0; i < BLOCK; i += W) {
            Vec<T> gx{}, gy{}, gz{};
            for (int j = 0; j < n_kept; ++j) {
                const int h = kept[j];
                const Vec<T> e = load(shares + j * BLOCK + i);
                gx = fma(e, splat(c.nx[h]), gx);
                gy = fma(e, splat(c.ny[h]), gy);
                gz = fma(e, splat(c.nz[h]), gz);
            }
            const Vec<T> w = load(scaled + i);
            store(grad_points + i, fma(gx, w, load(grad_points + i)));
            store(grad_points + BLOCK + i, fma(gy, w, load(grad_points + BLOCK + i)));
            store(grad_points + 2 * BLOCK + i, fma(gz, w, load(grad_points + 2 * BLOCK + i)));
        }
    }
}

}  // namespace CVX_NS
}  // namespace cvxgeom
