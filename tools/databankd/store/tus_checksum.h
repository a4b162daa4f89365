#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace sluice::databankd {

/// The value of `Tus-Checksum-Algorithm`.
inline constexpr std::string_view tus_checksum_algorithms = "sha1,sha256,sha384,sha512,md5,crc32";

/// Returns whether `text` is Base64 with padding.
bool is_base64(std::string_view text);

/// Compares the bytes of a PATCH with its `Upload-Checksum`. One thread at a time.
class TusChecksum {
 public:
  /// Parses the value of Upload-Checksum. Returns the comparison for the body of that request.
  /// `header`: ALGORITHM, a blank, the Base64 of the digest; that of crc32 is its four bytes, most
  /// significant first. Empty for an algorithm that is not announced, or an invalid header.
  static std::optional<TusChecksum> expect(std::string_view header);

  void update(std::span<const std::byte> data);
  /// Returns whether the bytes match. Call once.
  bool matches();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  TusChecksum() = default;

  std::string expected_;                         ///< Base64
  std::unique_ptr<evp_md_ctx_st, Free> digest_;  ///< null: crc32
  std::uint32_t crc32_ = 0;
};

}  // namespace sluice::databankd
