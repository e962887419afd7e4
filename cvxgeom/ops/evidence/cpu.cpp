// What depth maps say about points: one pass over the views for each point, nothing kept in between.
#include "../../_native/block.h"

namespace cvxgeom {
namespace CVX_NS {
namespace {

constexpr int STEP = 1024;  // points that go through all views together, and stay in the nearest cache

template <class T>
struct Some {
    alignas(64) T x[STEP], y[STEP], z[STEP], hidden[STEP], surface[STEP], along[STEP];
    alignas(64) std::int32_t pixel[STEP];  // -1: the view says nothing
};

// Two loops without branches, which the compiler turns into vector instructions.
template <class T>
void look(Some<T>& s, const T* m, const T* depth, std::int32_t height, std::int32_t width) {
    const T wide = T(width), high = T(height);
    for (int i = 0; i < STEP; ++i) {
        const T x = s.x[i], y = s.y[i], z = s.z[i];
        const T along = m[8] * x + m[9] * y + m[10] * z + m[11];
        const T column = (m[0] * x + m[1] * y + m[2] * z + m[3]) / along;
        const T row = (m[4] * x + m[5] * y + m[6] * z + m[7]) / along;
        // Written so that NaN fails.
        const bool inside = (along > 0) & (column >= 0) & (column < wide) & (row >= 0) & (row < high);
        const std::int32_t pixel =
            static_cast<std::int32_t>(inside ? row : T(0)) * width + static_cast<std::int32_t>(inside ? column : T(0));
        s.along[i] = along;
        s.pixel[i] = inside ? pixel : -1;
    }
    for (int i = 0; i < STEP; ++i) {
        const std::int32_t pixel = s.pixel[i] < 0 ? 0 : s.pixel[i];
        const T gap = s.along[i] - depth[pixel], far = gap < 0 ? -gap : gap;
        const bool counts = s.pixel[i] >= 0;
        s.hidden[i] = counts & (gap < s.hidden[i]) ? gap : s.hidden[i];
        s.surface[i] = counts & (far < s.surface[i]) ? far : s.surface[i];
    }
}

template <class T>
int evidence(const EvidenceCall& call) {
    const std::int64_t steps = (call.n + STEP - 1) / STEP, pixels = call.height * call.width;
    if (pixels > INT32_MAX) return UNUSUAL;
    parallel(call.batch * steps, call.threads, [&](std::int64_t task) {
        const std::int64_t b = task / steps, first = task % steps * STEP, count = least(STEP, call.n - first);
        const T* const points = static_cast<const T*>(call.points) + (b * call.n + first) * 3;
        Some<T> s;
        for (int i = 0; i < STEP; ++i) {
            const std::int64_t from = 3 * (i < count ? i : count - 1);
            s.x[i] = points[from];
            s.y[i] = points[from + 1];
            s.z[i] = points[from + 2];
            s.hidden[i] = s.surface[i] = T(__builtin_inf());
        }
        for (std::int64_t v = 0; v < call.views; ++v)
            look(s, static_cast<const T*>(call.cameras) + (b * call.views + v) * 12,
                 static_cast<const T*>(call.depth) + (b * call.views + v) * pixels,
                 static_cast<std::int32_t>(call.height), static_cast<std::int32_t>(call.width));
        std::memcpy(static_cast<T*>(call.hidden) + b * call.n + first, s.hidden, count * sizeof(T));
        std::memcpy(static_cast<T*>(call.surface) + b * call.n + first, s.surface, count * sizeof(T));
    });
    return OK;
}

}  // namespace

int evidence(const EvidenceCall& call) { return call.is_double ? evidence<double>(call) : evidence<float>(call); }

}  // namespace CVX_NS
}  // namespace cvxgeom
