#include "pages.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace cvxgeom {

void prefer_large_pages(void* memory, std::int64_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    constexpr std::uintptr_t PAGE = std::uintptr_t(1) << 21;
    const std::uintptr_t start = reinterpret_cast<std::uintptr_t>(memory);
    const std::uintptr_t first = (start + PAGE - 1) / PAGE * PAGE;
    const std::uintptr_t end = (start + static_cast<std::uintptr_t>(bytes)) / PAGE * PAGE;
    if (end > first) (void)madvise(reinterpret_cast<void*>(first), end - first, MADV_HUGEPAGE);
#else
    (void)memory;
    (void)bytes;
#endif
}

}  // namespace cvxgeom
