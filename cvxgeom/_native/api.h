// The calls that Python makes, as plain structs: raw pointers, contiguous arrays, no torch.
#pragma once

#include <cstdint>

namespace cvxgeom {

// Raised whenever a struct below or the meaning of a call changes; Python refuses a library of another number.
constexpr int ABI = 6;

enum Status : int {
    OK = 0,
    UNUSUAL = 1,  // values that the kernels do not bound (NaN or huge planes, δ <= 0): the reference has to answer
    NO_MEMORY = 2,
};

enum Needs : int {  // which gradients are asked for
    NEEDS_POINTS = 1,
    NEEDS_PLANES = 2,  // normals, offsets and translations come from the same sums
    NEEDS_SMOOTHNESS = 4,
    NEEDS_SHARPNESS = 8,
};

enum Counter : int {
    PAIRS = 0,          // (block of points, convex) in all
    PAIRS_NEAR = 1,     // of those, left by the coarse choice for many blocks at once
    PAIRS_VISITED = 2,  // of those, evaluated
    PLANES = 3,         // (block, convex, plane) of the visited pairs
    PLANES_KEPT = 4,    // of those, evaluated
    COUNTERS = 5,
};

// `real` is float or double. All arrays are contiguous; the leading axis is the batch.
struct IndicatorCall {
    const void* points;        // real (batch, n, 3)
    const void* normals;       // real (batch, k, h, 3)
    const void* offsets;       // real (batch, k, h)
    const void* translations;  // real (batch, k, 3)
    const void* smoothness;    // real (batch, k); unused by contains
    const void* sharpness;     // real (batch, k); null: signed distance instead of indicator
    void* value;               // real (batch, k, n) or, of a union, (batch, n); bytes (batch, n) of contains
    void* part;                // int32 (batch, n): the convex that decides a union
    void* order;               // int32 (batch, n): the points along a curve, made forward and used backward
    const void* grad;          // real, as value
    void* grad_points;         // real, as the inputs
    void* grad_normals;
    void* grad_offsets;
    void* grad_translations;
    void* grad_smoothness;
    void* grad_sharpness;
    void* counters;  // int64 (COUNTERS,), added to; may be null
    std::int64_t batch, n, k, h;
    std::int32_t is_double, threads, needs;
};

struct RaycastCall {
    const void* origins;       // real (batch, n, 3)
    const void* directions;    // real (batch, n, 3), unit vectors
    const void* normals;       // real (batch, k, h, 3)
    const void* offsets;       // real (batch, k, h)
    const void* translations;  // real (batch, k, 3)
    void* distance;            // real (batch, n): +inf where nothing is hit
    void* facing;              // real (batch, n, 3): outward normal, 0 where nothing is hit
    void* part;                // int64 (batch, n): -1 where nothing is hit
    void* half_space;          // int64 (batch, n): 0 where nothing is hit
    void* inside;              // bytes (batch, n): the origin lies in the part
    void* counters;            // int64 (COUNTERS,), added to; may be null
    std::int64_t batch, n, k, h;
    std::int32_t is_double, threads;
};

struct TrainingCall {
    const void* points;        // real (batch, n, 3)
    const void* normals;       // real (batch, k, h, 3)
    const void* offsets;       // real (batch, k, h)
    const void* translations;  // real (batch, k, 3)
    const void* smoothness;    // real (batch, k)
    const void* sharpness;     // real (batch, k)
    const void* occupancy;     // real (batch, n), finite, >= 0
    void* union_value;         // real (batch, n)
    void* total;               // real (batch, n)
    void* guides;              // real (batch, k, n_guides): falling; 0 where there are no more points
    void* part;                // int32 (batch, n): the convex that decides the union
    void* guide_index;         // int32 (batch, k, n_guides): the point of each guide; -1 where there is none
    void* order;               // int32 (batch, n): the points along a curve, made forward and used backward
    const void* grad_union;    // real, as the outputs
    const void* grad_total;
    const void* grad_guides;
    void* grad_points;  // real, as the inputs; zeros before the call
    void* grad_normals;
    void* grad_offsets;
    void* grad_translations;
    void* grad_smoothness;
    void* grad_sharpness;
    void* counters;  // int64 (COUNTERS,), added to; may be null
    std::int64_t batch, n, k, h, n_guides;
    std::int32_t is_double, threads, needs;
};

struct GridCall {
    const void* normals;       // real (batch, k, h, 3)
    const void* offsets;       // real (batch, k, h)
    const void* translations;  // real (batch, k, 3)
    const void* smoothness;    // real (batch, k)
    void* value;               // real (batch, size[0], size[1], size[2])
    void* counters;            // int64 (COUNTERS,), added to; may be null
    std::int64_t batch, k, h, size[3];
    double lower[3], spacing[3];
    double truncation;  // may be +inf
    std::int32_t is_double, threads;
};

struct EvidenceCall {
    const void* points;   // real (batch, n, 3)
    const void* depth;    // real (batch, views, height, width)
    const void* cameras;  // real (batch, views, 3, 4)
    void* hidden;         // real (batch, n)
    void* surface;        // real (batch, n)
    void* counters;       // unused
    std::int64_t batch, n, views, height, width;
    std::int32_t is_double, threads;
};

// Of cut_excess: free samples (n, columns), points (n_along, columns), left (n_cuts, n_along), result (n_cuts, 3).
// Of weight_below: rows (n, columns), limits (n_along, columns), result (n_along,).
// Of points_within: points (n, 3), normals (n_along, 3), offsets in `weights`, result bytes (n,).
struct CutsCall {
    const void* rows;     // float
    const void* weights;  // float
    const void* along;    // float
    const void* left;     // bytes
    void* result;         // float, or bytes
    std::int64_t n, columns, n_along, n_cuts;
    std::int32_t threads;
};

// Winding numbers of a closed mesh; double where nothing else is said. All but the points is seen from `low`.
struct WindingCall {
    const void* points;  // (n, 3)
    const void* left;    // (f, 3, 2) ends of edges in the plane across the axis `depth`
    const void* right;   // (f, 3, 2)
    const void* sign;    // int8 (f, 3)
    const void* near;    // (f,) along the axis
    const void* far;     // (f,)
    const void* slopes;  // (f, 2)
    const void* anchor;  // (f, 3) a corner
    const void* starts;  // int64 (shape[0] * shape[1] + 1,)
    const void* triangles;  // int32: those of each cell
    void* result;        // int64 (n,)
    std::int64_t n, shape[2];
    double low[3], high[3], cell;
    std::int32_t depth, threads;
};

// Numbers per second that one thread makes while `threads` of them do nothing else: the most that kernels can reach.
struct PeakCall {
    double fused_multiply_adds, exponentials, logarithms, sigmoids;
    std::int32_t threads;
};

// One set of kernels per instruction set; each returns a Status.
#define CVX_KERNELS(NAMESPACE)                      \
    namespace NAMESPACE {                           \
    int convex_forward(const IndicatorCall&);       \
    int convex_backward(const IndicatorCall&);      \
    int union_forward(const IndicatorCall&);        \
    int union_backward(const IndicatorCall&);       \
    int contains(const IndicatorCall&);             \
    int raycast(const RaycastCall&);                \
    int training_forward(const TrainingCall&);      \
    int training_backward(const TrainingCall&);     \
    int sample_grid(const GridCall&);               \
    int evidence(const EvidenceCall&);              \
    int cut_excess(const CutsCall&);                \
    int weight_below(const CutsCall&);              \
    int points_within(const CutsCall&);             \
    int winding(const WindingCall&);                \
    void peak(PeakCall&);                           \
    }
CVX_KERNELS(baseline)
CVX_KERNELS(avx2)
CVX_KERNELS(avx512)

}  // namespace cvxgeom
