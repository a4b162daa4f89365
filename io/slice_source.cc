#include "io/slice_source.h"

namespace sluice {
namespace {

FileIdentity part_of(FileIdentity identity, std::uint64_t size) {
  identity.size = size;
  return identity;
}

}  // namespace

SliceSource::SliceSource(const Source& whole, std::uint64_t begin, std::uint64_t size)
    : Source(whole.path(), part_of(whole.identity(), size)), whole_(whole), begin_(begin) {}

Result<FileIdentity> SliceSource::identity_now() const {
  TRY_ASSIGN(const FileIdentity now, whole_.identity_now());
  return now == whole_.identity() ? identity() : now;
}

}  // namespace sluice
