// Vectors as wide as the instruction set of the translation unit, and exp, log, sigmoid on them.
//
// Everything lives in a namespace per instruction set, and no template of the standard library is used in these units:
// the linker would merge copies of equal name and could pick the one that an older processor cannot run.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__) && defined(__AVX512DQ__)
#define CVX_NS avx512
#define CVX_BYTES 64
#elif defined(__AVX2__) && defined(__FMA__)
#define CVX_NS avx2
#define CVX_BYTES 32
#else
#define CVX_NS baseline
#define CVX_BYTES 16
#endif

namespace cvxgeom {
namespace CVX_NS {

template <class T>
struct Lanes;
template <>
struct Lanes<float> {
    typedef float vec __attribute__((vector_size(CVX_BYTES)));
    typedef std::int32_t mask __attribute__((vector_size(CVX_BYTES)));
    typedef std::uint32_t bits __attribute__((vector_size(CVX_BYTES)));
    typedef std::int32_t integer;
};
template <>
struct Lanes<double> {
    typedef double vec __attribute__((vector_size(CVX_BYTES)));
    typedef std::int64_t mask __attribute__((vector_size(CVX_BYTES)));
    typedef std::uint64_t bits __attribute__((vector_size(CVX_BYTES)));
    typedef std::int64_t integer;
};
template <class T>
using Vec = typename Lanes<T>::vec;
template <class T>
using Mask = typename Lanes<T>::mask;
template <class T>
using Bits = typename Lanes<T>::bits;
template <class T>
constexpr int WIDTH = CVX_BYTES / sizeof(T);

using VecF = Vec<float>;
using VecD = Vec<double>;

template <class T>
static inline Vec<T> splat(T value) {
    return value - Vec<T>{};
}
template <class T>
static inline Vec<T> load(const T* from) {
    Vec<T> v;
    std::memcpy(&v, from, sizeof v);
    return v;
}
template <class T, class V>
static inline void store(T* to, const V& v) {
    static_assert(sizeof(V) == CVX_BYTES, "a vector");
    std::memcpy(to, &v, sizeof v);
}
// Stores past the cache, for results larger than it; `to` is aligned to a vector.
template <class T>
static inline void stream(T* to, Vec<T> v) {
#if CVX_BYTES == 64
    _mm512_stream_si512(reinterpret_cast<__m512i*>(to), (__m512i)v);
#elif CVX_BYTES == 32
    _mm256_stream_si256(reinterpret_cast<__m256i*>(to), (__m256i)v);
#elif defined(__SSE2__)
    _mm_stream_si128(reinterpret_cast<__m128i*>(to), (__m128i)v);
#else
    store(to, v);
#endif
}
// What was streamed can be seen by other threads from here on.
static inline void finish_streams() {
#if defined(__SSE2__)
    _mm_sfence();
#endif
}
template <class To, class From>
static inline To as(const From& v) {
    static_assert(sizeof(To) == sizeof(From), "the same bits");
    To out;
    std::memcpy(&out, &v, sizeof out);
    return out;
}

#if CVX_BYTES == 64
static inline VecF fma(VecF a, VecF b, VecF c) { return (VecF)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
static inline VecD fma(VecD a, VecD b, VecD c) { return (VecD)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c); }
static inline VecF max(VecF a, VecF b) { return (VecF)_mm512_max_ps((__m512)a, (__m512)b); }
static inline VecD max(VecD a, VecD b) { return (VecD)_mm512_max_pd((__m512d)a, (__m512d)b); }
static inline VecF min(VecF a, VecF b) { return (VecF)_mm512_min_ps((__m512)a, (__m512)b); }
static inline VecD min(VecD a, VecD b) { return (VecD)_mm512_min_pd((__m512d)a, (__m512d)b); }
static inline unsigned lanes_set(Mask<float> m) { return _mm512_movepi32_mask((__m512i)m); }
static inline unsigned lanes_set(Mask<double> m) { return _mm512_movepi64_mask((__m512i)m); }
#elif CVX_BYTES == 32
static inline VecF fma(VecF a, VecF b, VecF c) { return (VecF)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
static inline VecD fma(VecD a, VecD b, VecD c) { return (VecD)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c); }
static inline VecF max(VecF a, VecF b) { return (VecF)_mm256_max_ps((__m256)a, (__m256)b); }
static inline VecD max(VecD a, VecD b) { return (VecD)_mm256_max_pd((__m256d)a, (__m256d)b); }
static inline VecF min(VecF a, VecF b) { return (VecF)_mm256_min_ps((__m256)a, (__m256)b); }
static inline VecD min(VecD a, VecD b) { return (VecD)_mm256_min_pd((__m256d)a, (__m256d)b); }
static inline unsigned lanes_set(Mask<float> m) { return (unsigned)_mm256_movemask_ps((__m256)m); }
static inline unsigned lanes_set(Mask<double> m) { return (unsigned)_mm256_movemask_pd((__m256d)m); }
#else
template <class V>
static inline V fma(V a, V b, V c) {
    return a * b + c;
}
template <class V>
static inline V max(V a, V b) {
    return a > b ? a : b;
}
template <class V>
static inline V min(V a, V b) {
    return a < b ? a : b;
}
#if defined(__SSE2__)
static inline unsigned lanes_set(Mask<float> m) { return (unsigned)_mm_movemask_ps((__m128)m); }
static inline unsigned lanes_set(Mask<double> m) { return (unsigned)_mm_movemask_pd((__m128d)m); }
#else
template <class M>
static inline unsigned lanes_set(M m) {
    unsigned bits = 0;
    for (unsigned i = 0; i < sizeof(M) / sizeof(m[0]); ++i) bits |= (m[i] ? 1u : 0u) << i;
    return bits;
}
#endif
#endif

template <class V>
static inline V abs(V a) {
    return max(a, -a);
}
template <class T>
static inline T sum_lanes(Vec<T> v) {
    T total = 0;
    for (int i = 0; i < WIDTH<T>; ++i) total += v[i];
    return total;
}
#if CVX_BYTES == 64
template <class T>
static inline T max_lanes(Vec<T> v) {
    if constexpr (sizeof(T) == 4)
        return _mm512_reduce_max_ps((__m512)v);
    else
        return _mm512_reduce_max_pd((__m512d)v);
}
#elif CVX_BYTES == 32
template <class T>
static inline T max_lanes(Vec<T> v) {
    if constexpr (sizeof(T) == 4) {
        __m128 m = _mm_max_ps(_mm256_castps256_ps128((__m256)v), _mm256_extractf128_ps((__m256)v, 1));
        m = _mm_max_ps(m, _mm_movehl_ps(m, m));
        return _mm_cvtss_f32(_mm_max_ss(m, _mm_movehdup_ps(m)));
    } else {
        __m128d m = _mm_max_pd(_mm256_castpd256_pd128((__m256d)v), _mm256_extractf128_pd((__m256d)v, 1));
        return _mm_cvtsd_f64(_mm_max_sd(m, _mm_unpackhi_pd(m, m)));
    }
}
#else
template <class T>
static inline T max_lanes(Vec<T> v) {
    T largest = v[0];
    for (int i = 1; i < WIDTH<T>; ++i) largest = v[i] > largest ? v[i] : largest;
    return largest;
}
#endif

// Writes first + i for every set bit i, in rising order, and returns how many there are. Room for a vector is needed.
template <class T>
static inline int write_set_bits(unsigned set, int first, int* to) {
#if CVX_BYTES == 64
    const __m512i numbers =
        _mm512_add_epi32(_mm512_set1_epi32(first), _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    _mm512_storeu_si512(to, _mm512_maskz_compress_epi32((__mmask16)set, numbers));
    return __builtin_popcount(set);
#else
    int n = 0;
    for (; set; set &= set - 1) to[n++] = first + __builtin_ctz(set);
    return n;
#endif
}

template <class T>
struct Format;
template <>
struct Format<float> {
    static constexpr float EPS = 1.1920929e-7f, LOG2E = 1.44269504f, LOG2E_LOW = 1.92596299e-8f;
    static constexpr float LN2 = 0.693147181f, LN2_HIGH = 6.9313812256e-01f, LN2_LOW = 9.0580006145e-06f;
    static constexpr float SHIFTER = 12582912.0f;  // 1.5 · 2^23: adding it rounds to an integer in the low bits
    static constexpr int MANTISSA = 23;
    static constexpr std::uint32_t SQRT_HALF = 0x3f3504f3;
    static constexpr float NEGLIGIBLE = 17.4f;   // exp(-this) is below half an ulp of 1
    static constexpr float UNDERFLOW_AT = 88.0f;  // 1 / (1 + exp(this)) is set to 0 from here on
};
template <>
struct Format<double> {
    static constexpr double EPS = 2.220446049250313e-16, LOG2E = 1.4426950408889634, LOG2E_LOW = 2.0355273740931033e-17;
    static constexpr double LN2 = 0.6931471805599453;
    static constexpr double LN2_HIGH = 6.93147180369123816490e-01, LN2_LOW = 1.90821492927058770002e-10;
    static constexpr double SHIFTER = 6755399441055744.0;
    static constexpr int MANTISSA = 52;
    static constexpr std::uint64_t SQRT_HALF = 0x3fe6a09e667f3bcd;
    static constexpr double NEGLIGIBLE = 37.5;
    static constexpr double UNDERFLOW_AT = 708.0;
};

// 2^f for |f| <= 1/2, interpolated at Chebyshev nodes, exactly 1 at 0: relative error 5e-9 and 1e-19.
static inline VecF exp2_fraction(VecF f) {
    VecF p = splat(1.54531629e-4f);
    p = fma(p, f, splat(1.33908634e-3f));
    p = fma(p, f, splat(9.61808256e-3f));
    p = fma(p, f, splat(5.55035711e-2f));
    p = fma(p, f, splat(2.40226508e-1f));
    p = fma(p, f, splat(6.93147188e-1f));
    return fma(p, f, splat(1.0f));
}
static inline VecD exp2_fraction(VecD f) {
    constexpr double C[] = {2.57293241773623042e-11, 4.45581790833606449e-10, 7.05489730415549928e-9,
                            1.01780570877339411e-7,  1.32154868087055628e-6,  1.52527338415567726e-5,
                            1.54035303933707334e-4,  1.33335581464064707e-3,  9.61812910762847949e-3,
                            5.5504108664821627e-2,   2.40226506959100712e-1,  6.93147180559945309e-1, 1.0};
    VecD p = splat(C[0]);
    for (int i = 1; i < 13; ++i) p = fma(p, f, splat(C[i]));
    return p;
}

// 2^(whole + f), whole in the low bits of `shifted` = SHIFTER + whole. The result must be a normal number.
template <class T>
static inline Vec<T> scaled_exp2(Vec<T> f, Vec<T> shifted) {
    return as<Vec<T>>(as<Bits<T>>(exp2_fraction(f)) + (as<Bits<T>>(shifted) << Format<T>::MANTISSA));
}

// 2^y for y <= 0, and exactly 0 where y < least (least > -120).
template <class T>
static inline Vec<T> exp2_or_zero(Vec<T> y, Vec<T> least) {
    const Vec<T> shifter = splat(Format<T>::SHIFTER);
    const Vec<T> shifted = y + shifter;
    const Vec<T> f = y - (shifted - shifter);
#if CVX_BYTES == 64
    // As below, with the zeros put in by the last addition.
    if constexpr (sizeof(T) == 4) {
        const __mmask16 large = _mm512_cmp_ps_mask((__m512)y, (__m512)least, _CMP_GE_OQ);
        return as<VecF>(_mm512_maskz_add_epi32(large, as<__m512i>(exp2_fraction(f)),
                                               _mm512_slli_epi32(as<__m512i>(shifted), Format<T>::MANTISSA)));
    }
#endif
    return as<Vec<T>>(as<Bits<T>>(scaled_exp2<T>(f, shifted)) & as<Bits<T>>(y >= least));
}

// log s for finite s >= 1; the coefficients are those of FreeBSD's msun (Sun Microsystems, 1993).
template <class T>
static inline Vec<T> log_positive(Vec<T> s) {
    const Bits<T> exponent = (as<Bits<T>>(s) - Format<T>::SQRT_HALF) >> Format<T>::MANTISSA;
    const Vec<T> shifter = splat(Format<T>::SHIFTER);
    const Vec<T> k = as<Vec<T>>(as<Bits<T>>(shifter) + exponent) - shifter;
    const Vec<T> f = as<Vec<T>>(as<Bits<T>>(s) - (exponent << Format<T>::MANTISSA)) - T(1);
    const Vec<T> q = f / (f + T(2)), z = q * q;
    Vec<T> r;
    if constexpr (sizeof(T) == 4) {
        r = splat(T(0.24279078841));
        r = fma(r, z, splat(T(0.28498786688)));
        r = fma(r, z, splat(T(0.40000972152)));
        r = fma(r, z, splat(T(0.66666662693)));
    } else {
        constexpr double C[] = {1.479819860511658591e-01, 1.531383769920937332e-01, 1.818357216161805012e-01,
                                2.222219843214978396e-01, 2.857142874366239149e-01, 3.999999999940941908e-01,
                                6.666666666666735130e-01};
        r = splat(T(C[0]));
        for (int i = 1; i < 7; ++i) r = fma(r, z, splat(T(C[i])));
    }
    const Vec<T> half_square = f * f * T(0.5);
    const Vec<T> low = fma(q, half_square + r * z, k * Format<T>::LN2_LOW);
    return fma(k, splat(Format<T>::LN2_HIGH), f - (half_square - low));
}

// 1 / (1 + exp(s)), the indicator of s = σΦ: exactly 1 far inside, 0 far outside.
template <class T>
static inline Vec<T> indicator_of(Vec<T> s) {
    const Vec<T> limit = splat(Format<T>::UNDERFLOW_AT);
    const Vec<T> x = max(min(s, limit), -limit);
    const Vec<T> shifter = splat(Format<T>::SHIFTER), log2e = splat(Format<T>::LOG2E);
    const Vec<T> shifted = fma(x, log2e, shifter);
    const Vec<T> whole = shifted - shifter;
    const Vec<T> f = fma(x, splat(Format<T>::LOG2E_LOW), fma(x, log2e, -whole));
    const Vec<T> c = T(1) / (T(1) + scaled_exp2<T>(f, shifted));
    return as<Vec<T>>(as<Bits<T>>(c) & as<Bits<T>>(s < limit));
}

}  // namespace CVX_NS
}  // namespace cvxgeom
