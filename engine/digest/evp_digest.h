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

/// A running digest by OpenSSL (EVP), which uses what the processor has: SHA-256 at 2 GB/s with
/// SHA instructions, MD5 at 0.6 GB/s anywhere. Its state cannot be saved. One thread at a time.
class EvpDigest {
 public:
  /// Error failed where OpenSSL does not have it: MD5 on a machine that is configured for FIPS.
  static Result<EvpDigest> create(DigestKind kind);

  DigestKind kind() const { return kind_; }
  void update(std::span<const std::byte> bytes);
  /// Lower-case hexadecimal digits of the bytes seen so far; more may follow. Empty if OpenSSL
  /// failed on the way.
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

/// Whether this machine's OpenSSL has all of them, so that it is found out before a terabyte is
/// hashed. Any thread. Error failed, naming the one it lacks.
Result<void> check_available(const std::vector<DigestKind>& kinds);

}  // namespace sluice
