#include "engine/http/trust.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <new>
#include <utility>

#include "engine/base/text.h"

namespace sluice {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
struct FreeStore {
  void operator()(X509_STORE* store) const { X509_STORE_free(store); }
};

/// Checks that `path` is a readable file with at least one certificate in PEM format. Error usage.
Result<void> check_ca_file(const std::string& path) {
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "re"));
  struct stat status {};
  if (!file || ::fstat(::fileno(file.get()), &status) != 0)
    return errno_error(ErrorKind::usage, errno,
                       fmt::format("cannot read the CA certificates in {}", printable(path)));
  if (S_ISDIR(status.st_mode))
    return errno_error(ErrorKind::usage, EISDIR,
                       fmt::format("cannot read the CA certificates in {}", printable(path)));
  // The same call as curl's, so that curl accepts every file that is accepted here.
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

/// Whether `name` has the form that openssl rehash gives to certificates: "9d66eef0.0".
bool is_hash_link(const std::string& name) {
  constexpr std::size_t digits = 8;
  const auto all = [&](std::size_t from, std::size_t to, const char* of) {
    return to > from && name.find_first_not_of(of, from) >= to;
  };
  return name.size() > digits + 1 && name[digits] == '.' && all(0, digits, "0123456789abcdef.") &&
         name.find('.') == digits && all(digits + 1, name.size(), "0123456789");
}

/// Checks that `path` is a readable directory with at least one certificate named by its hash.
/// Error usage.
Result<void> check_ca_dir(const std::string& path) {
  std::error_code code;
  std::filesystem::directory_iterator entries(path, code);
  if (code)
    return errno_error(ErrorKind::usage, code.value(),
                       fmt::format("cannot read the CA certificates in {}", printable(path)));
  for (; !code && entries != std::filesystem::directory_iterator(); entries.increment(code))
    if (is_hash_link(entries->path().filename())) return {};
  return Error{ErrorKind::usage,
               fmt::format("cannot use the CA certificates in {}: the directory has no certificate "
                           "under its hash (such as 9d66eef0.0); run: openssl rehash {}",
                           printable(path), shell_argument(printable(path)))};
}

/// Returns "a and b", or the text that is not empty.
std::string both(const std::string& a, const std::string& b) {
  return a + (a.empty() || b.empty() ? "" : " and ") + b;
}

}  // namespace

std::string Trust::name() const {
  const std::string where = printable(both(file, directory));
  if (!source.empty()) return fmt::format("the certificates in {} (from {})", where, source);
  if (!where.empty()) return fmt::format("the system's certificate authorities in {}", where);
  return "the system's certificate authorities, which are not where sluice looks for them "
         "(install the package ca-certificates, or use --ca-file)";
}

std::span<const char* const> system_bundles() {
  static constexpr std::array bundles{
      "/etc/ssl/certs/ca-certificates.crt",                 // Debian, Arch, Alpine
      "/etc/pki/tls/certs/ca-bundle.crt",                   // Red Hat 6 and later, Fedora
      "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // Red Hat 7 and later
      "/var/lib/ca-certificates/ca-bundle.pem",             // SUSE 12 and later
      "/etc/ssl/ca-bundle.pem",                             // SUSE
      "/etc/ssl/cert.pem",                                  // Alpine, and LibreSSL
  };
  return bundles;
}

Result<Trust> find_trust(const NetworkOptions& options, const Environment& environment,
                         std::span<const char* const> bundles) {
  Trust trust;
  if (!options.ca_file.empty() || !options.ca_dir.empty()) {
    if (!options.ca_file.empty()) TRY(check_ca_file(options.ca_file));
    if (!options.ca_dir.empty()) TRY(check_ca_dir(options.ca_dir));
    trust.file = options.ca_file;
    trust.directory = options.ca_dir;
    trust.source = both(options.ca_file.empty() ? "" : options.ca_file_from,
                        options.ca_dir.empty() ? "" : options.ca_dir_from);
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
      trust.source = both(trust.source, name);
    }
  if (!trust.source.empty()) return trust;
  const auto found = std::find_if(bundles.begin(), bundles.end(),
                                  [](const char* path) { return ::access(path, R_OK) == 0; });
  if (found != bundles.end()) trust.file = *found;
  return trust;
}

}  // namespace sluice
