#include "engine/trust.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <new>
#include <utility>

#include "engine/text.h"

namespace sluice {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
struct FreeStore {
  void operator()(X509_STORE* store) const { X509_STORE_free(store); }
};

Result<void> check_ca_file(const std::string& path) {
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "re"));
  struct stat status {};
  if (!file || ::fstat(::fileno(file.get()), &status) != 0)
    return errno_error(ErrorKind::usage, errno,
                       fmt::format("cannot read the CA certificates in {}", printable(path)));
  if (S_ISDIR(status.st_mode))
    return errno_error(ErrorKind::usage, EISDIR,
                       fmt::format("cannot read the CA certificates in {}", printable(path)));
  // What curl does with it, so that it refuses nothing that is accepted here.
  const std::unique_ptr<X509_STORE, FreeStore> store(X509_STORE_new());
  if (!store) throw std::bad_alloc();
  const bool loaded = X509_STORE_load_file(store.get(), path.c_str()) == 1;
  ERR_clear_error();
  if (loaded) return {};
  return Error{
      ErrorKind::usage,
      fmt::format("cannot read the CA certificates in {}: the file contains no certificate "
                  "in PEM format (-----BEGIN CERTIFICATE-----)",
                  printable(path))};
}

}  // namespace

std::string Trust::name() const {
  if (source.empty()) return "the system's certificate authorities (package ca-certificates)";
  std::string where = file;
  if (!directory.empty()) where += (where.empty() ? "" : " and ") + directory;
  return fmt::format("the certificates in {} (from {})", printable(where), source);
}

Result<Trust> find_trust(const std::string& ca_file, const Environment& environment) {
  Trust trust;
  if (!ca_file.empty()) {
    TRY(check_ca_file(ca_file));
    trust.file = ca_file;
    trust.source = "--ca-file";
    trust.alone = true;
    return trust;
  }
  if (auto bundle = environment("CURL_CA_BUNDLE")) {
    trust.file = *std::move(bundle);
    trust.source = "CURL_CA_BUNDLE";
    return trust;
  }
  for (const auto& [name, value] :
       {std::pair("SSL_CERT_FILE", &Trust::file), std::pair("SSL_CERT_DIR", &Trust::directory)})
    if (auto set = environment(name)) {
      trust.*value = *std::move(set);
      trust.source += (trust.source.empty() ? "" : " and ") + std::string(name);
    }
  return trust;
}

}  // namespace sluice
