// What this machine can do at most, measured with the vectors and the exponential that the kernels use.
#include <time.h>

#include "block.h"

namespace cvxgeom {
namespace CVX_NS {
namespace {

constexpr int CHAINS = 12;  // independent, to hide latency
constexpr std::int64_t ROUNDS = 400000;

double seconds_now() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

// Best of a few runs of one task per thread, as numbers per second.
template <class F>
double rate(int threads, std::int64_t numbers, F&& body) {
    double best = 0;
    for (int run = 0; run < 5; ++run) {
        const double start = seconds_now();
        parallel(threads, threads, body);
        const double found = double(numbers) * threads / (seconds_now() - start);
        best = found > best ? found : best;
    }
    return best;
}

}  // namespace

void peak(PeakCall& call) {
    volatile float sink = 0;
    call.fused_multiply_adds = rate(call.threads, ROUNDS * CHAINS * WIDTH<float>, [&](std::int64_t) {
        VecF sums[CHAINS];
        for (int i = 0; i < CHAINS; ++i) sums[i] = splat(float(i));
        const VecF a = splat(0.999f), b = splat(0.001f);
        for (std::int64_t round = 0; round < ROUNDS; ++round)
            for (int i = 0; i < CHAINS; ++i) sums[i] = fma(sums[i], a, b);
        for (int i = 0; i < CHAINS; ++i) sink = sink + sum_lanes<float>(sums[i]);
    });
    call.exponentials = rate(call.threads, ROUNDS / 4 * 4 * WIDTH<float>, [&](std::int64_t) {
        VecF sums[4] = {}, at[4];
        for (int i = 0; i < 4; ++i) at[i] = splat(-float(i));
        const VecF step = splat(-1e-5f), cutoff = splat(-30.0f);
        for (std::int64_t round = 0; round < ROUNDS / 4; ++round)
            for (int i = 0; i < 4; ++i) {
                sums[i] += exp2_or_zero<float>(at[i], cutoff);
                at[i] += step;
            }
        for (int i = 0; i < 4; ++i) sink = sink + sum_lanes<float>(sums[i]);
    });
}

}  // namespace CVX_NS
}  // namespace cvxgeom
