#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "tests/databankd/databankd_fixture.h"

namespace sluice::test {

/// A response with its headers.
struct HttpReply {
  int status = 0;                              ///< 0 without a complete head
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;

  /// Returns a header; empty if missing.
  std::string header(const std::string& name) const;
};

using Headers = std::map<std::string, std::string>;

/// Returns the XXH128 in the format of xxh128sum.
std::string xxh128(const std::string& bytes);

/// A databankd, and a tus client with plain sockets.
class Tus : public Curl {
 protected:
  /// Starts databankd with these arguments, and with --discard if discards_ is set.
  void start_tus(const Arguments& more = {});

  /// Returns a request as bytes. `headers` replace the default headers (Host, token, version,
  /// length) of the same name; an empty value omits the header.
  static std::string bytes_of(const std::string& method, const std::string& path,
                              const Headers& headers = {}, const std::string& body = {});
  /// Sends the bytes over a new connection and returns the response.
  HttpReply exchange(const std::string& bytes) const;
  HttpReply request(const std::string& method, const std::string& path, const Headers& headers = {},
                    const std::string& body = {}) const;

  /// Creates an upload and returns its path.
  std::string create(const std::string& length, const Headers& more = {}) const;
  HttpReply patch(const std::string& path, std::uint64_t offset, const std::string& body,
                  const Headers& more = {}) const;
  /// Returns the offset from a HEAD request; -1 if the upload does not exist.
  std::int64_t offset(const std::string& path) const;
  /// Sends HEAD requests until the offset is `wanted`.
  void wait_for_offset(const std::string& path, std::int64_t wanted) const;
  /// Starts a PATCH that announces `more` bytes than it sends, so that it stays open.
  UniqueFd patch_partly(const std::string& path, std::uint64_t offset, const std::string& body,
                        std::size_t more, const Headers& headers = {}) const;
  /// Retries a PATCH until the upload is not locked.
  HttpReply patch_when_free(const std::string& path, std::uint64_t offset,
                            const std::string& body) const;

  HttpReply register_upload(const std::string& name, const std::string& url) const;

  bool discards_ = false;
};

}  // namespace sluice::test
