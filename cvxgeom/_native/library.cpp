// The entry points, and the choice of instruction set.
#include <cstdlib>
#include <cstring>

#include "api.h"

namespace cvxgeom {
namespace {

struct Kernels {
    const char* name;
    int (*convex_forward)(const IndicatorCall&);
    int (*convex_backward)(const IndicatorCall&);
    int (*union_forward)(const IndicatorCall&);
    int (*union_backward)(const IndicatorCall&);
    int (*contains)(const IndicatorCall&);
    int (*raycast)(const RaycastCall&);
    int (*training_forward)(const TrainingCall&);
    int (*training_backward)(const TrainingCall&);
    int (*sample_grid)(const GridCall&);
    int (*evidence)(const EvidenceCall&);
    int (*cut_excess)(const CutsCall&);
    int (*weight_below)(const CutsCall&);
    int (*points_within)(const CutsCall&);
    int (*winding)(const WindingCall&);
    void (*peak)(PeakCall&);
};

#define CVX_TABLE(NAMESPACE, NAME)                                                                            \
    Kernels {                                                                                                 \
        NAME, NAMESPACE::convex_forward, NAMESPACE::convex_backward, NAMESPACE::union_forward,                \
            NAMESPACE::union_backward, NAMESPACE::contains, NAMESPACE::raycast, NAMESPACE::training_forward,  \
            NAMESPACE::training_backward, NAMESPACE::sample_grid, NAMESPACE::evidence,            \
            NAMESPACE::cut_excess, NAMESPACE::weight_below, NAMESPACE::points_within, NAMESPACE::winding,         \
            NAMESPACE::peak                                                                                   \
    }

const Kernels& kernels() {
    static const Kernels chosen = [] {
        // CVXGEOM_ISA holds a test or a measurement to a narrower instruction set than the processor has.
        const char* limit = std::getenv("CVXGEOM_ISA");
        (void)limit;
#if defined(CVX_X86)
        const bool only_baseline = limit && !std::strcmp(limit, "baseline");
        const bool at_most_avx2 = only_baseline || (limit && !std::strcmp(limit, "avx2"));
        __builtin_cpu_init();
        if (!at_most_avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
            __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
            return CVX_TABLE(avx512, "AVX-512");
        if (!only_baseline && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
            return CVX_TABLE(avx2, "AVX2");
#endif
        return CVX_TABLE(baseline, "baseline");
    }();
    return chosen;
}

}  // namespace
}  // namespace cvxgeom

#define CVX_EXPORT extern "C" __attribute__((visibility("default")))

CVX_EXPORT int cvxgeom_abi() { return cvxgeom::ABI; }
CVX_EXPORT const char* cvxgeom_sources() { return CVX_SOURCES; }
CVX_EXPORT const char* cvxgeom_instruction_set() { return cvxgeom::kernels().name; }

CVX_EXPORT int cvxgeom_convex_forward(const cvxgeom::IndicatorCall* call) {
    return cvxgeom::kernels().convex_forward(*call);
}
CVX_EXPORT int cvxgeom_convex_backward(const cvxgeom::IndicatorCall* call) {
    return cvxgeom::kernels().convex_backward(*call);
}
CVX_EXPORT int cvxgeom_union_forward(const cvxgeom::IndicatorCall* call) {
    return cvxgeom::kernels().union_forward(*call);
}
CVX_EXPORT int cvxgeom_union_backward(const cvxgeom::IndicatorCall* call) {
    return cvxgeom::kernels().union_backward(*call);
}
CVX_EXPORT int cvxgeom_contains(const cvxgeom::IndicatorCall* call) { return cvxgeom::kernels().contains(*call); }
CVX_EXPORT int cvxgeom_raycast(const cvxgeom::RaycastCall* call) { return cvxgeom::kernels().raycast(*call); }
CVX_EXPORT int cvxgeom_training_forward(const cvxgeom::TrainingCall* call) {
    return cvxgeom::kernels().training_forward(*call);
}
CVX_EXPORT int cvxgeom_training_backward(const cvxgeom::TrainingCall* call) {
    return cvxgeom::kernels().training_backward(*call);
}
CVX_EXPORT int cvxgeom_sample_grid(const cvxgeom::GridCall* call) { return cvxgeom::kernels().sample_grid(*call); }
CVX_EXPORT int cvxgeom_evidence(const cvxgeom::EvidenceCall* call) { return cvxgeom::kernels().evidence(*call); }
CVX_EXPORT int cvxgeom_cut_excess(const cvxgeom::CutsCall* call) { return cvxgeom::kernels().cut_excess(*call); }
CVX_EXPORT int cvxgeom_weight_below(const cvxgeom::CutsCall* call) { return cvxgeom::kernels().weight_below(*call); }
CVX_EXPORT int cvxgeom_points_within(const cvxgeom::CutsCall* call) { return cvxgeom::kernels().points_within(*call); }
CVX_EXPORT int cvxgeom_winding(const cvxgeom::WindingCall* call) { return cvxgeom::kernels().winding(*call); }
CVX_EXPORT int cvxgeom_peak(cvxgeom::PeakCall* call) {
    cvxgeom::kernels().peak(*call);
    return cvxgeom::OK;
}
