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

/// The digest of a byte range that lies in memory in several pieces, computed on a oneTBB worker,
/// or in the constructor if there are no workers.
///
/// One thread creates and uses a RangeDigest. It must not be destroyed, nor result() be called,
/// before wait() has returned or done() has returned true.
class RangeDigest {
 public:
  /// Returns whether OpenSSL supports `algorithm` on this machine: "sha1", "sha256", "sha384",
  /// "sha512", "md5".
  static bool available(std::string_view algorithm);

  /// Starts the computation. The bytes of `pieces` must not change until the computation is done.
  /// `on_done`: called on the worker, or before this constructor returns.
  RangeDigest(std::string algorithm, std::vector<std::span<const std::byte>> pieces,
              ChecksumWorkers& workers, std::function<void()> on_done);
  /// Blocks until the computation is done.
  ~RangeDigest();
  RangeDigest(const RangeDigest&) = delete;
  RangeDigest& operator=(const RangeDigest&) = delete;

  bool done() const;
  void wait() const;
  /// Returns the raw digest; empty if OpenSSL failed. May be called once done() is true.
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
  std::string result_;  ///< belongs to the worker until done_

  mutable Mutex mutex_;
  mutable CondVar changed_;
  bool done_ SLUICE_GUARDED_BY(mutex_) = false;
};

}  // namespace sluice
