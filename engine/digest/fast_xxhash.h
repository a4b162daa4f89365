#pragma once

// Code that hashes blocks includes this header instead of xxhash.h. Debian builds xxHash for any
// x86-64 (SSE2, 15 GB/s here). The dispatching entry points of the same library select the
// instructions of the processor at run time (AVX2, AVX-512: 38 GB/s).
#if defined(__x86_64__)
#include <xxh_x86dispatch.h>
#else
#include <xxhash.h>
#endif
