#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace sluice::databankd {

/// What `Tus-Checksum-Algorithm` announces.
inline constexpr std::string_view tus_checksum_algorithms = "sha1,sha256,sha384,sha512,md5,crc32";

/// Whether `text` is base64 with its padding.
bool is_base64(std::string_view text);

/// The bytes of one PATCH against the `Upload-Checksum` that came with it. One thread at a time.
class TusChecksum {
 public:
  /// `header`: ALGORITHM, a blank, the base64 of the digest; that of crc32 is its four bytes, most
  /// significant first. Empty for an algorithm that is not announced, or a header of another form.
  static std::optional<TusChecksum> expect(std::string_view header);

  void update(std::span<const std::byte> data);
  /// Whether the bytes up to now are those that were announced. Once.
  bool matches();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  TusChecksum() = default;

  std::string expected_;                         ///< base64
  std::unique_ptr<evp_md_ctx_st, Free> digest_;  ///< null: crc32
  std::uint32_t crc32_ = 0;
};

}  // namespace sluice::databankd
