// A small thread pool: no second OpenMP runtime in a process that has torch's.
#pragma once

#include <cstdint>

namespace cvxgeom {

// Runs run(context, i) for every i < n, on up to `threads` threads (this one included), and returns when all are done.
// Tasks are taken in any order, so each must write its own place. Callable from several threads at once (all but one of
// the calls then run alone on their own thread) and after fork.
void parallel_for(std::int64_t n, int threads, void (*run)(void*, std::int64_t), void* context);

}  // namespace cvxgeom
