#pragma once

// What hashes blocks includes this and not xxhash.h. Debian builds xxHash for any x86-64 (SSE2, 15
// GB/s here); the dispatching entry points of the same library use what the processor has (AVX2,
// AVX-512: 38 GB/s).
#if defined(__x86_64__)
#include <xxh_x86dispatch.h>
#else
#include <xxhash.h>
#endif
