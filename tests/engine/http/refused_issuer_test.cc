// The issuer of a certificate that a connection rejects.
#include "engine/http/refused_issuer.h"

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

namespace sluice::refused_issuer_test {
namespace {

struct Free {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* connection) const { SSL_free(connection); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { X509_free(certificate); }
};
template <class Owned>
using Owner = std::unique_ptr<Owned, Free>;

/// Returns a server's context whose certificate names `issuer` as its issuer.
Owner<SSL_CTX> server_of(const std::string& issuer) {
  const Owner<EVP_PKEY> key(EVP_EC_gen("P-256"));
  const Owner<X509> certificate(X509_new());
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  const auto name = [](X509_NAME* to, const std::string& text) {
    X509_NAME_add_entry_by_txt(to, "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(text.data()),
                               static_cast<int>(text.size()), -1, 0);
  };
  name(X509_get_subject_name(certificate.get()), "databank.example");
  name(X509_get_issuer_name(certificate.get()), issuer);
  X509_set_pubkey(certificate.get(), key.get());
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  Owner<SSL_CTX> context(SSL_CTX_new(TLS_server_method()));
  EXPECT_EQ(SSL_CTX_use_certificate(context.get(), certificate.get()), 1);
  EXPECT_EQ(SSL_CTX_use_PrivateKey(context.get(), key.get()), 1);
  return context;
}

/// Whether the client accepts the server's certificate.
bool shakes_hands(SSL_CTX* client_context, SSL_CTX* server_context) {
  const Owner<SSL> client(SSL_new(client_context));
  const Owner<SSL> server(SSL_new(server_context));
  BIO* ends[2] = {};
  EXPECT_EQ(BIO_new_bio_pair(&ends[0], 0, &ends[1], 0), 1);
  SSL_set_bio(client.get(), ends[0], ends[0]);
  SSL_set_bio(server.get(), ends[1], ends[1]);
  SSL_set_connect_state(client.get());
  SSL_set_accept_state(server.get());
  constexpr int more_than_enough = 10;
  for (int i = 0; i < more_than_enough; ++i) {
    if (SSL_do_handshake(client.get()) == 1) return true;
    SSL_do_handshake(server.get());
  }
  return false;
}

TEST(RefusedIssuer, IsPrintableAndDoesNotChangeTheVerdict) {
  const Owner<SSL_CTX> server = server_of("Campus\x1b[2J TLS");
  const Owner<SSL_CTX> client(SSL_CTX_new(TLS_client_method()));
  std::string issuer;
  SSL_CTX_set_verify(client.get(), SSL_VERIFY_PEER, nullptr);
  watch_issuer(client.get(), issuer);
  EXPECT_FALSE(shakes_hands(client.get(), server.get()));
  EXPECT_EQ(issuer, "CN = Campus\\1B[2J TLS");

  SSL_CTX_set_verify(client.get(), SSL_VERIFY_NONE, nullptr);
  watch_issuer(client.get(), issuer);
  EXPECT_TRUE(shakes_hands(client.get(), server.get()))
      << "watch_issuer() does not enable verification";
}

TEST(RefusedIssuer, IsEmptyForAcceptedCertificate) {
  const Owner<SSL_CTX> server = server_of("Campus");
  const Owner<SSL_CTX> client(SSL_CTX_new(TLS_client_method()));
  std::string issuer;
  SSL_CTX_set_verify(client.get(), SSL_VERIFY_PEER, nullptr);
  X509_STORE* const trusted = SSL_CTX_get_cert_store(client.get());
  X509_STORE_add_cert(trusted, SSL_CTX_get0_certificate(server.get()));
  X509_STORE_set_flags(trusted, X509_V_FLAG_PARTIAL_CHAIN);
  watch_issuer(client.get(), issuer);
  EXPECT_TRUE(shakes_hands(client.get(), server.get()));
  EXPECT_EQ(issuer, "");
}

}  // namespace
}  // namespace sluice::refused_issuer_test
