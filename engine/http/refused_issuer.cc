#include "engine/http/refused_issuer.h"

#include <openssl/bio.h>
#include <openssl/x509.h>

#include <memory>
#include <new>

#include "engine/base/text.h"

namespace sluice {
namespace {

constexpr std::size_t most_issuer_bytes = 300;

struct FreeIssuerText {
  void operator()(BIO* bio) const { BIO_free(bio); }
};

/// Returns the index of the context's data slot that holds the address of the issuer string.
int issuer_slot() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

/// Returns `name` as printable text.
std::string issuer_text(const X509_NAME* name) {
  const std::unique_ptr<BIO, FreeIssuerText> bio(BIO_new(BIO_s_mem()));
  // The same format as curl's for an accepted certificate.
  if (!bio || X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB) < 0)
    return {};
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return printable(shortened(std::string(text, static_cast<std::size_t>(size)), most_issuer_bytes));
}

/// OpenSSL's verification callback: stores the issuer of a rejected certificate and does not change
/// the verdict.
int on_refusal(int accepted, X509_STORE_CTX* chain) {
  if (accepted == 1) return accepted;
  const X509* const certificate = X509_STORE_CTX_get_current_cert(chain);
  const auto* const connection =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
  if (certificate == nullptr || connection == nullptr) return accepted;
  if (void* const issuer = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(connection), issuer_slot()))
    *static_cast<std::string*>(issuer) = issuer_text(X509_get_issuer_name(certificate));
  return accepted;
}

}  // namespace

void watch_issuer(SSL_CTX* context, std::string& issuer) {
  if (SSL_CTX_set_ex_data(context, issuer_slot(), &issuer) != 1) throw std::bad_alloc();
  SSL_CTX_set_verify(context, SSL_CTX_get_verify_mode(context), &on_refusal);
}

}  // namespace sluice
