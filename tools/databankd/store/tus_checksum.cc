#include "tools/databankd/store/tus_checksum.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <new>

namespace sluice::databankd {
namespace {

/// CRC-32 as in zlib, one byte at a time: 0.4 GB/s is enough for a checksum that clients should not
/// use.
constexpr std::array<std::uint32_t, 256> make_crc32_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
    std::uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0xedb88320U : 0U);
    table[byte] = value;
  }
  return table;
}
constexpr std::array<std::uint32_t, 256> crc32_table = make_crc32_table();

std::string base64(std::span<const unsigned char> bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');  // includes the NUL of
                                                             // EVP_EncodeBlock()
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(),
                                     static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

const EVP_MD* find_algorithm(std::string_view name) {
  if (name == "sha1") return EVP_sha1();
  if (name == "sha256") return EVP_sha256();
  if (name == "sha384") return EVP_sha384();
  if (name == "sha512") return EVP_sha512();
  if (name == "md5") return EVP_md5();
  return nullptr;
}

}  // namespace

bool is_base64(std::string_view text) {
  if (text.size() % 4 != 0) return false;
  for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
  });
}

void TusChecksum::Free::operator()(evp_md_ctx_st* context) const {
  EVP_MD_CTX_free(context);
}

std::optional<TusChecksum> TusChecksum::expect(std::string_view header) {
  const std::size_t blank = header.find(' ');
  if (blank == std::string_view::npos) return std::nullopt;
  const std::string_view name = header.substr(0, blank);
  TusChecksum checksum;
  checksum.expected_ = header.substr(blank + 1);
  if (checksum.expected_.empty() || !is_base64(checksum.expected_)) return std::nullopt;
  if (name == "crc32") return checksum;
  const EVP_MD* const algorithm = find_algorithm(name);
  if (algorithm == nullptr) return std::nullopt;
  checksum.digest_.reset(EVP_MD_CTX_new());
  if (!checksum.digest_ || EVP_DigestInit_ex(checksum.digest_.get(), algorithm, nullptr) != 1)
    throw std::bad_alloc();
  return checksum;
}

void TusChecksum::update(std::span<const std::byte> data) {
  if (digest_) {
    EVP_DigestUpdate(digest_.get(), data.data(), data.size());
    return;
  }
  std::uint32_t value = ~crc32_;
  for (const std::byte byte : data)
    value = (value >> 8) ^ crc32_table[(value ^ std::to_integer<std::uint32_t>(byte)) & 0xff];
  crc32_ = ~value;
}

bool TusChecksum::matches() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned length = 4;
  if (digest_) {
    EVP_DigestFinal_ex(digest_.get(), bytes.data(), &length);
  } else {
    for (unsigned i = 0; i < length; ++i)
      bytes[i] = static_cast<unsigned char>((crc32_ >> (8 * (3 - i))) & 0xff);
  }
  return base64(std::span(bytes).first(length)) == expected_;
}

}  // namespace sluice::databankd
