#pragma once

#include <cstdlib>
#include <memory>
#include <new>
#include <ostream>
#include <string>

#include <gtest/gtest.h>

#include "io/buffer_pool.h"
#include "io/source.h"

namespace sluice {

/// For names of parameterised tests.
inline void PrintTo(ReadMode mode, std::ostream* out) {
  *out << to_string(mode);
}

}  // namespace sluice

namespace sluice::test {

/// Reads a range into memory of exactly the size that the source requires, so that AddressSanitizer
/// detects an overflow. Checks that the result is inside the memory, and returns it as a string.
inline Result<std::string> read_range(const Source& source, std::uint64_t offset,
                                      std::size_t length) {
  const std::size_t room = source.memory_for(offset, length);
  EXPECT_GE(room, length);
  void* allocated = nullptr;
  if (::posix_memalign(&allocated, BufferPool::alignment, room == 0 ? 1 : room) != 0)
    throw std::bad_alloc();
  const std::unique_ptr<void, decltype(&std::free)> owner(allocated, &std::free);
  const std::span<std::byte> memory(static_cast<std::byte*>(allocated), room);

  TRY_ASSIGN(const std::span<const std::byte> bytes, source.read(offset, length, memory));
  EXPECT_EQ(bytes.size(), length);
  EXPECT_GE(bytes.data(), memory.data());
  EXPECT_LE(bytes.data() + bytes.size(), memory.data() + memory.size());
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

}  // namespace sluice::test
