#include "engine/digest/evp_digest.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <new>
#include <utility>

namespace sluice {
namespace {

struct FreeMethod {
  void operator()(EVP_MD* method) const { EVP_MD_free(method); }
};

}  // namespace

void EvpDigest::Free::operator()(evp_md_ctx_st* context) const {
  EVP_MD_CTX_free(context);
}

EvpDigest::EvpDigest(DigestKind kind, Context context)
    : kind_(kind), context_(std::move(context)) {}

Result<EvpDigest> EvpDigest::create(DigestKind kind) {
  // EVP_DigestInit_ex2() takes a reference, so the context keeps the method alive.
  const std::unique_ptr<EVP_MD, FreeMethod> method(
      EVP_MD_fetch(nullptr, kind == DigestKind::md5 ? "MD5" : "SHA256", nullptr));
  Context context(EVP_MD_CTX_new());
  if (!context) throw std::bad_alloc();
  if (!method || EVP_DigestInit_ex2(context.get(), method.get(), nullptr) != 1)
    return Error{
        ErrorKind::failed,
        fmt::format("cannot compute {0}: OpenSSL on this machine does not provide it (a FIPS "
                    "configuration has no md5); leave {0} out of --digest",
                    to_string(kind))};
  return EvpDigest(kind, std::move(context));
}

void EvpDigest::update(std::span<const std::byte> bytes) {
  if (EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) != 1) failed_ = true;
}

std::string EvpDigest::hex() const {
  const Context copy(EVP_MD_CTX_new());  // EVP_DigestFinal_ex() ends a context, so it gets a copy
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (failed_ || !copy || EVP_MD_CTX_copy_ex(copy.get(), context_.get()) != 1 ||
      EVP_DigestFinal_ex(copy.get(), digest.data(), &size) != 1)
    return {};
  return fmt::format("{:02x}", fmt::join(digest.data(), digest.data() + size, ""));
}

Result<void> check_available(const std::vector<DigestKind>& kinds) {
  for (const DigestKind kind : kinds) TRY(EvpDigest::create(kind));
  return {};
}

}  // namespace sluice
