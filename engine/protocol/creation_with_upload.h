#pragma once

#include <cstdint>

#include "io/sync.h"

namespace sluice {

/// The policy that decides whether the POST that creates a tus upload carries the file's bytes (the
/// extension creation-with-upload of tus 1.0). A small file then takes one request less. One object
/// serves one server that announces the extension, and is shared by all uploads of an engine to
/// that server. Does no I/O.
///
/// Some servers announce the extension and ignore the bytes, and a reverse proxy may refuse such a
/// request. So the outcome of earlier creations decides about later ones, until the engine ends:
///
///     outcome of a creation with bytes                    effect on later creations
///     --------------------------------------------------  ----------------------------------------
///     the server kept bytes                               the server is proven
///     the server created the upload without the bytes     none carries bytes, because each file
///                                                           would be sent twice
///     refused (4xx, 501), and the same request without    none carries bytes; after 413: files of
///       bytes succeeded next                                at most half the size do
///     failed otherwise (5xx, no response), and the same   none carries bytes, unless the server is
///       request without bytes succeeded next                proven
///
/// Thread safe: uploads on several network threads share the object.
class CreationWithUpload {
 public:
  /// The largest file whose bytes a creation carries: 4 MiB. The caller must also keep within one
  /// block of the pipeline. Such a file enters the journal with its registration, so after a lost
  /// response nothing can be resumed, and the whole file is sent again.
  static constexpr std::uint64_t most_bytes = std::uint64_t{4} << 20;

  /// Why a creation with bytes failed.
  enum class Failure {
    refused,    ///< a 4xx other than 413, or 501
    too_large,  ///< 413
    unclear,    ///< 5xx, or no response
  };

  /// Returns whether the creation of an upload of `size` bytes may carry all of them. False for 0.
  bool allows(std::uint64_t size) const {
    const MutexLock lock(mutex_);
    return size > 0 && size <= limit_;
  }

  /// Records that the server kept bytes of such a creation.
  void kept_bytes() {
    const MutexLock lock(mutex_);
    proven_ = true;
  }
  /// Records that the server created the upload, but kept no bytes or did not say how many.
  void ignored_bytes() {
    const MutexLock lock(mutex_);
    limit_ = 0;
  }
  /// Records that a creation with `size` bytes failed, and that the same request without bytes
  /// succeeded right after.
  void failed(Failure failure, std::uint64_t size);

 private:
  mutable Mutex mutex_;
  std::uint64_t limit_ SLUICE_GUARDED_BY(mutex_) = most_bytes;
  bool proven_ SLUICE_GUARDED_BY(mutex_) = false;
};

}  // namespace sluice
