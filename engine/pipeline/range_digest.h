#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/pipeline/pipeline.h"
#include "io/sync.h"

namespace sluice {

/// The digest of bytes that lie in memory in several pieces, computed on a oneTBB worker; at once
/// where there are none.
///
/// Made and used on one thread; destroyed and asked only after wait(), or once done() says so.
class RangeDigest {
 public:
  /// Whether OpenSSL has it here: "sha1", "sha256", "sha384", "sha512", "md5".
  static bool available(std::string_view algorithm);

  /// Starts. `pieces` stay as they are until it is done. `on_done`: called by the worker,
  /// or before this returns.
  RangeDigest(std::string algorithm, std::vector<std::span<const std::byte>> pieces,
              ChecksumWorkers& workers, std::function<void()> on_done);
  /// Waits.
  ~RangeDigest();
  RangeDigest(const RangeDigest&) = delete;
  RangeDigest& operator=(const RangeDigest&) = delete;

  bool done() const;
  void wait() const;
  /// Once it is done: the raw digest; empty if OpenSSL failed.
  const std::string& result() const { return result_; }

 private:
  struct Task {
    RangeDigest* digest;
    void operator()() const;
  };
  void compute() noexcept;

  const std::string algorithm_;
  const std::vector<std::span<const std::byte>> pieces_;
  const std::function<void()> on_done_;
  std::string result_;  ///< the worker's until done_

  mutable Mutex mutex_;
  mutable CondVar changed_;
  bool done_ SLUICE_GUARDED_BY(mutex_) = false;
};

}  // namespace sluice
