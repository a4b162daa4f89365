#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/digest/digest_kind.h"
#include "io/result.h"

struct evp_md_ctx_st;

namespace sluice {

/// A digest in progress, computed by OpenSSL (EVP). OpenSSL uses the instructions of the processor:
/// SHA-256 runs at 2 GB/s with SHA instructions, MD5 at 0.6 GB/s on any processor. The state cannot
/// be saved. One thread at a time.
class EvpDigest {
 public:
  /// Creates a digest of no bytes. Error failed if OpenSSL does not provide the algorithm, such as
  /// MD5 in a FIPS configuration.
  static Result<EvpDigest> create(DigestKind kind);

  DigestKind kind() const { return kind_; }
  /// Adds `bytes` to the digest. hex() reports a failure of OpenSSL.
  void update(std::span<const std::byte> bytes);
  /// Returns the digest of all bytes so far, in lower-case hexadecimal digits; empty if a call of
  /// OpenSSL has failed. update() may be called afterwards.
  std::string hex() const;

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  using Context = std::unique_ptr<evp_md_ctx_st, Free>;

  EvpDigest(DigestKind kind, Context context);

  DigestKind kind_;
  Context context_;
  bool failed_ = false;
};

/// Checks that OpenSSL on this machine provides all `kinds`, so that an upload fails before a
/// terabyte is hashed. Any thread. Error failed, which names the missing digest.
Result<void> check_available(const std::vector<DigestKind>& kinds);

}  // namespace sluice
