// Large arrays in large pages.
#pragma once

#include <cstdint>

namespace cvxgeom {

// Asks the system to back memory that is about to be written for the first time by large pages, where that pays: handing
// out small ones takes longer than a kernel needs to fill them. A request, no more; any answer will do.
void prefer_large_pages(void* memory, std::int64_t bytes);

}  // namespace cvxgeom
