// Cheaper checksums for a program whose files are zeros that no program checks. To hash a block
// takes 25 ms for each GB, twice, which is longer than everything else. The program is linked with
// --wrap, so that the calls of xxHash come here, and of each block only the first bytes are hashed.
#include <algorithm>
#include <cstddef>

#include "engine/digest/fast_xxhash.h"

namespace {

/// The most bytes of a call that are hashed.
constexpr std::size_t hashed_bytes = 64;

}  // namespace

// The linker gives them these names, and those of xxHash with __real_ in front to the functions of
// the library.
// NOLINTBEGIN
#if defined(__x86_64__)
#define REAL(name) __real_##name##_dispatch
#define WRAP(name) __wrap_##name##_dispatch
#else
#define REAL(name) __real_##name
#define WRAP(name) __wrap_##name
#endif
#undef XXH3_64bits
#undef XXH3_128bits_update

extern "C" {

XXH64_hash_t REAL(XXH3_64bits)(const void* bytes, std::size_t size);
XXH_errorcode REAL(XXH3_128bits_update)(XXH3_state_t* state, const void* bytes, std::size_t size);

XXH64_hash_t WRAP(XXH3_64bits)(const void* bytes, std::size_t size) {
  return REAL(XXH3_64bits)(bytes, std::min(size, hashed_bytes));
}

XXH_errorcode WRAP(XXH3_128bits_update)(XXH3_state_t* state, const void* bytes, std::size_t size) {
  return REAL(XXH3_128bits_update)(state, bytes, std::min(size, hashed_bytes));
}

}  // extern "C"
// NOLINTEND
