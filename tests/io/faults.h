#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace sluice::test {

/// Simulated behaviour of the kernel for reads of files. It applies to the system calls of io/ (the
/// linker replaces pread by __wrap_pread, and so on), so that a test has a file system without
/// O_DIRECT, or a broken disk, on every machine.
struct Faults {
  /// The maximum bytes that a read returns; 0: no limit.
  std::size_t longest_read = 0;
  /// Every nth read fails with EINTR; 0: none.
  unsigned interrupt_every = 0;
  /// Reads of this byte fail with EIO.
  std::optional<std::uint64_t> bad_at = {};
  /// Reads reach the end of the file here, whatever fstat says.
  std::optional<std::uint64_t> end_at = {};
  /// Setting O_DIRECT fails.
  bool refuses_direct_flag = false;
  /// O_DIRECT can be set, but every read with it fails with EINVAL.
  bool refuses_direct_reads = false;
  /// O_DIRECT can be set, but reads beyond the end of the file fail with EINVAL.
  bool refuses_direct_tail = false;
  /// The same in the middle of the file: reads of this byte fail.
  std::optional<std::uint64_t> refuses_direct_at = {};
  /// The alignment for direct I/O that statx reports (0: no O_DIRECT). Unaligned reads fail.
  std::optional<std::uint32_t> sector = {};
  /// statx does not report the alignment, like before Linux 6.1.
  bool tells_no_sector = false;
  /// mmap fails with ENOMEM.
  bool refuses_mapping = false;
  /// The part of the file in the page cache, from its beginning.
  std::optional<unsigned> cached_percent = {};
  /// lseek with SEEK_HOLE or SEEK_DATA fails with EINVAL.
  bool tells_no_holes = false;
};

/// Activates the faults while it exists. One object at a time; any number of threads may read.
class WithFaults {
 public:
  explicit WithFaults(const Faults& faults);
  ~WithFaults();
  WithFaults(const WithFaults&) = delete;
  WithFaults& operator=(const WithFaults&) = delete;

  /// Returns how many reads were interrupted, shortened or refused.
  unsigned hits() const;
  /// Returns the offsets at which the page cache was sampled, in order.
  std::vector<std::uint64_t> looked_at() const;
  /// Returns how often lseek was called for data or a hole.
  unsigned hole_questions() const;
  /// Returns the ranges dropped from the page cache, offset and length, in the order of the calls.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> dropped() const;
};

}  // namespace sluice::test
