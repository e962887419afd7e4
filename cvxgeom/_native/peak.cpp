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

// The rate of a function of one vector, its results added up; arguments go from -0 to -3, or from 1 to 4, in small steps.
template <class F>
double rate_of(int threads, float step, F function) {
    constexpr std::int64_t rounds = ROUNDS / 4;
    constexpr int chains = 4;
    volatile float sink = 0;
    return rate(threads, rounds * chains * WIDTH<float>, [&](std::int64_t) {
        VecF sums[chains] = {}, at[chains];
        for (int i = 0; i < chains; ++i) at[i] = splat(step < 0 ? -float(i) : 1 + float(i));
        for (std::int64_t round = 0; round < rounds; ++round)
            for (int i = 0; i < chains; ++i) {
                sums[i] += function(at[i]);
                at[i] += splat(step);
            }
        for (int i = 0; i < chains; ++i) sink = sink + sum_lanes<float>(sums[i]);
    });
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
    const VecF cutoff = splat(-30.0f);
    call.exponentials = rate_of(call.threads, -1e-5f, [=](VecF x) { return exp2_or_zero<float>(x, cutoff); });
    call.logarithms = rate_of(call.threads, 1e-5f, [](VecF x) { return log_positive<float>(x); });
    call.sigmoids = rate_of(call.threads, -1e-5f, [](VecF x) { return indicator_of<float>(x); });
}

}  // namespace CVX_NS
}  // namespace cvxgeom
