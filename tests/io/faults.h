#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace sluice::test {

/// What a kernel can do to a reader of files, as knobs. They act on the system calls that io/ makes
/// (the linker turns pread into __wrap_pread, and so on), so that a test meets a file system
/// without O_DIRECT, or a broken disk, on every machine.
struct Faults {
  /// A read returns at most so many bytes; 0: no limit.
  std::size_t longest_read = 0;
  /// Every nth read ends with EINTR; 0: none.
  unsigned interrupt_every = 0;
  /// The disk cannot read this byte: EIO.
  std::optional<std::uint64_t> bad_at = {};
  /// Reads find the end of the file here, whatever fstat says.
  std::optional<std::uint64_t> end_at = {};
  /// No O_DIRECT when it is asked for.
  bool refuses_direct_flag = false;
  /// O_DIRECT accepted, and then every read with it ends with EINVAL.
  bool refuses_direct_reads = false;
  /// O_DIRECT accepted, and every read with it that reaches behind the end of the file ends with
  /// EINVAL.
  bool refuses_direct_tail = false;
  /// The same in the file's middle: of a read that has this byte.
  std::optional<std::uint64_t> refuses_direct_at = {};
  /// What statx tells of direct I/O: the sector (0: no O_DIRECT here). Reads that are not aligned
  /// to it are refused.
  std::optional<std::uint32_t> sector = {};
  /// statx as before Linux 6.1.
  bool tells_no_sector = false;
  /// mmap ends with ENOMEM.
  bool refuses_mapping = false;
  /// The part of the file that is in the page cache: its beginning.
  std::optional<unsigned> cached_percent = {};
  /// lseek knows of no holes: EINVAL.
  bool tells_no_holes = false;
};

/// The faults last as long as this object. One at a time; the threads that read may be many.
class WithFaults {
 public:
  explicit WithFaults(const Faults& faults);
  ~WithFaults();
  WithFaults(const WithFaults&) = delete;
  WithFaults& operator=(const WithFaults&) = delete;

  /// How many reads were interrupted, cut short or refused.
  unsigned hits() const;
  /// The places where the page cache was looked at, in order.
  std::vector<std::uint64_t> looked_at() const;
  /// How often lseek was asked for data or a hole.
  unsigned hole_questions() const;
  /// The ranges that were dropped from the page cache, offset and length, in the order of the
  /// calls.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> dropped() const;
};

}  // namespace sluice::test
