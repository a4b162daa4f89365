#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "tools/databankd/store/tus_checksum.h"
#include "tools/databankd/store/tus_store.h"

namespace sluice::databankd {

/// The body of a PATCH while it arrives. Bytes count as soon as they arrive, so a request that
/// breaks off keeps them, with two exceptions: with a minimum part size only whole parts count, and
/// with a checksum nothing counts before all of it was compared. Locks the upload while it exists.
/// One thread at a time; must not outlive the store.
class TusAppend {
 public:
  /// Called by TusStore::append().
  TusAppend(TusStore& store, TusStore::ItemPointer item, UniqueFd fd, std::uint64_t part,
            std::optional<TusChecksum> checksum);
  /// If finish() was not called, treats the request as broken off before its end.
  ~TusAppend();
  TusAppend(const TusAppend&) = delete;
  TusAppend& operator=(const TusAppend&) = delete;

  /// Returns the number of bytes that the upload still accepts.
  std::uint64_t room() const { return room_; }

  /// Adds bytes. Never fails: finish() reports errors, because the request body must be read to its
  /// end in any case.
  void write(std::span<const std::byte> data);

  /// Ends the request and determines which bytes count. Errors: 413 for too many bytes, of which
  /// those that fit count; 460 if the bytes do not match the checksum; 500 from the disk.
  Result<TusUpload> finish();

 private:
  bool may_discard() const { return part_ > 0 || checksum_; }
  void write_bytes(std::span<const std::byte> data);
  void commit();
  void record_committed(std::optional<std::uint64_t> committed);
  void roll_back();
  TusUpload release();

  TusStore& store_;
  const TusStore::ItemPointer item_;
  const UniqueFd fd_;         ///< closed in a discarding store
  const std::uint64_t part_;  ///< bytes; 0 without a minimum part size
  std::uint64_t begin_ = 0;   ///< the offset at which it appends
  std::uint64_t room_ = 0;
  std::uint64_t received_ = 0;   ///< bytes received
  std::uint64_t committed_ = 0;  ///< of these, the bytes that count
  bool too_long_ = false;
  bool released_ = false;
  int error_ = 0;                           ///< the first errno of the writing
  std::optional<Digest> digest_;            ///< of the upload with all received bytes
  std::optional<Digest> committed_digest_;  ///< of the bytes that count, if these may be fewer
  std::optional<TusChecksum> checksum_;
};

}  // namespace sluice::databankd
