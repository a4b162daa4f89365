#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

namespace sluice::test {

/// What a kernel can do to a reader of files, as knobs. They act on the system calls that io/ makes
/// (the linker turns pread into __wrap_pread, and so on), so that a test meets a file system
/// without O_DIRECT, or a broken disk, on every machine.
struct Faults {
  std::size_t longest_read = 0;              ///< a read returns at most so many bytes; 0: no limit
  unsigned interrupt_every = 0;              ///< every nth read ends with EINTR; 0: none
  std::optional<std::uint64_t> bad_at = {};  ///< the disk cannot read this byte: EIO
  std::optional<std::uint64_t> end_at =
      {};                             ///< reads find the end of the file here, whatever fstat says
  bool refuses_direct_flag = false;   ///< no O_DIRECT when it is asked for
  bool refuses_direct_reads = false;  ///< O_DIRECT accepted, and then every read with it EINVAL
  /// What statx tells of direct I/O: the sector (0: no O_DIRECT here). Reads that are not aligned
  /// to it are refused.
  std::optional<std::uint32_t> sector = {};
  bool tells_no_sector = false;  ///< statx as before Linux 6.1
  bool refuses_mapping = false;  ///< mmap: ENOMEM
  std::optional<unsigned> cached_percent =
      {};  ///< the part of the file that is in the page cache, its beginning
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
};

}  // namespace sluice::test
