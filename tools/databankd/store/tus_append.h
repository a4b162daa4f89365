#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "tools/databankd/store/tus_checksum.h"
#include "tools/databankd/store/tus_store.h"

namespace sluice::databankd {

/// The body of one PATCH while it arrives. Bytes count as soon as they are here, so that one that
/// breaks off leaves what came, with two exceptions: under the part rule whole parts count, and
/// with a checksum nothing does before all of it has been compared.
/// One thread at a time; no other request can be in the upload as long as this lives. It must not
/// outlive the store.
class TusAppend {
 public:
  /// By TusStore::append().
  TusAppend(TusStore& store, TusStore::ItemPointer item, UniqueFd fd, std::uint64_t part,
            std::optional<TusChecksum> checksum);
  /// What has not been finished was broken off.
  ~TusAppend();
  TusAppend(const TusAppend&) = delete;
  TusAppend& operator=(const TusAppend&) = delete;

  /// Bytes that the upload still takes.
  std::uint64_t room() const { return room_; }

  /// The next bytes. Never fails: finish() reports what went wrong here, since the request's body
  /// must be read to its end in any case.
  void write(std::span<const std::byte> data);

  /// All bytes have come: which of them count. Errors: 413 for more than fit, of which those that
  /// did fit count; 460 where they are not those of the checksum; 500 from the disk.
  Result<TusUpload> finish();

 private:
  bool waits() const { return part_ > 0 || checksum_; }
  void take(std::span<const std::byte> data);
  void commit();
  void note(std::optional<std::uint64_t> committed);
  void roll_back();
  TusUpload release();

  TusStore& store_;
  const TusStore::ItemPointer item_;
  const UniqueFd fd_;         ///< closed in a discarding store
  const std::uint64_t part_;  ///< bytes; 0 without the part rule
  std::uint64_t begin_ = 0;   ///< where it appends
  std::uint64_t room_ = 0;
  std::uint64_t received_ = 0;   ///< bytes taken
  std::uint64_t committed_ = 0;  ///< of them, those that count
  bool too_long_ = false;
  bool released_ = false;
  int error_ = 0;                 ///< the first errno that stopped the writing
  std::optional<Digest> digest_;  ///< of the upload with all that was taken
  std::optional<Digest> safe_;    ///< with what counts, where that may be less
  std::optional<TusChecksum> checksum_;
};

}  // namespace sluice::databankd
