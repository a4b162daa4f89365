#include "io/fault_source.h"

#include <algorithm>
#include <utility>

#include "io/local_file.h"

namespace sluice {

FaultSource::FaultSource(std::unique_ptr<Source> source, SourceFaults faults)
    : Source(source->path(), source->identity()), source_(std::move(source)) {
  set_faults(std::move(faults));
}

void FaultSource::set_faults(SourceFaults faults) {
  MutexLock lock(mutex_);
  faults_ = std::move(faults);
  reads_ = 0;
  read_counts_.assign(faults_.changes.size(), 0);
}

unsigned FaultSource::reads() const {
  MutexLock lock(mutex_);
  return reads_;
}

Result<std::span<const std::byte>> FaultSource::read(std::uint64_t offset, std::size_t length,
                                                     std::span<std::byte> memory) const {
  const std::uint64_t end = offset + length;
  const auto inside = [&](std::uint64_t at) { return offset <= at && at < end; };
  std::vector<std::uint64_t> changed;
  {
    MutexLock lock(mutex_);
    ++reads_;
    // The order in which FileSource checks for these errors.
    if (faults_.identity_now && faults_.identity_now->size < end)
      return shrank_error(path(), offset, faults_.identity_now->size);
    if (faults_.fails_at && inside(*faults_.fails_at))
      return read_error(path(), *faults_.fails_at, faults_.code);
    if (faults_.ends_at && *faults_.ends_at < end)
      return ended_early_error(path(), std::max(offset, *faults_.ends_at));
    for (std::size_t i = 0; i < read_counts_.size(); ++i) {
      const SourceFaults::Change& change = faults_.changes[i];
      if (inside(change.offset) && ++read_counts_[i] >= change.from_reading)
        changed.push_back(change.offset);
    }
  }
  TRY_ASSIGN(const std::span<const std::byte> bytes, source_->read(offset, length, memory));
  const std::size_t begin = static_cast<std::size_t>(bytes.data() - memory.data());
  for (const std::uint64_t at : changed) {
    std::byte& byte = memory[begin + static_cast<std::size_t>(at - offset)];
    byte ^= std::byte{1};
  }
  return bytes;
}

std::size_t FaultSource::memory_for(std::uint64_t offset, std::size_t length) const {
  return source_->memory_for(offset, length);
}

ReadMode FaultSource::mode() const {
  return source_->mode();
}

Result<FileIdentity> FaultSource::identity_now() const {
  {
    MutexLock lock(mutex_);
    if (faults_.identity_now) return *faults_.identity_now;
  }
  return source_->identity_now();
}

}  // namespace sluice
