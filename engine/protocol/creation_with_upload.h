#pragma once

#include <cstdint>

#include "io/sync.h"

namespace sluice {

/// Decides whether the POST that creates a tus upload carries the file's bytes (tus 1.0's extension
/// creation-with-upload), for one server that announces the extension. A small file then takes one
/// request less. A pure policy without I/O, shared by all uploads of an engine to that server.
///
/// Not every server does what it announces, and a reverse proxy may refuse such a request. So what
/// the server made of the first ones decides about the others, until the engine ends:
///
///     event                                                   effect
///     ------------------------------------------------------  ------------------------------------
///     the server kept bytes                                   the server is proven
///     the server created the upload without the bytes         no more: each file would be sent
///                                                               twice
///     the request was refused, and the same request without   no more; after 413: only files of at
///       bytes went well right after it                          most half the size
///     the request failed otherwise (5xx, no response), and    no more, unless the server is proven
///       the same request without bytes went well right after
///
/// Thread safe: uploads on several network threads share it.
class CreationWithUpload {
 public:
  /// The largest file, in bytes, whose bytes go with the creation. No more than one block of the
  /// pipeline, which is the caller's to heed: such a file enters the journal with its registration,
  /// so a lost response leaves nothing to resume, and the whole file is sent again.
  static constexpr std::uint64_t most_bytes = std::uint64_t{4} << 20;

  enum class Failure {
    refused,    ///< a 4xx or 501
    too_large,  ///< 413
    unclear,    ///< 5xx, or no response
  };

  /// Whether the creation of an upload of `size` bytes may carry all of them. False for 0.
  bool allows(std::uint64_t size) const {
    const MutexLock lock(mutex_);
    return size > 0 && size <= limit_;
  }

  /// The server kept bytes of such a request.
  void kept_bytes() {
    const MutexLock lock(mutex_);
    proven_ = true;
  }
  /// The server created the upload and kept none of the bytes, or did not say how many.
  void ignored_bytes() {
    const MutexLock lock(mutex_);
    limit_ = 0;
  }
  /// Such a request with `size` bytes failed, and the same one without them went well right after.
  void failed(Failure failure, std::uint64_t size);

 private:
  mutable Mutex mutex_;
  std::uint64_t limit_ SLUICE_GUARDED_BY(mutex_) = most_bytes;
  bool proven_ SLUICE_GUARDED_BY(mutex_) = false;
};

}  // namespace sluice
