#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "tests/databankd/databankd_fixture.h"

namespace sluice::test {

/// An answer, header by header.
struct HttpReply {
  int status = 0;                              ///< 0 where no whole head came
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;

  /// Empty where there is no such header.
  std::string header(const std::string& name) const;
};

using Headers = std::map<std::string, std::string>;

/// XXH128 as xxh128sum prints it.
std::string xxh128(const std::string& bytes);

/// A databankd of its own, spoken to in tus over bare sockets.
class Tus : public Curl {
 protected:
  /// Starts databankd with these, and with --discard where asked.
  void start_tus(const Arguments& more = {});

  /// The request as bytes. `headers` go before those that every request has (Host, token, version,
  /// length), in whose place they are; an empty value leaves that one out.
  static std::string bytes_of(const std::string& method, const std::string& path,
                              const Headers& headers = {}, const std::string& body = {});
  /// Over a connection of its own.
  HttpReply exchange(const std::string& bytes) const;
  HttpReply request(const std::string& method, const std::string& path, const Headers& headers = {},
                    const std::string& body = {}) const;

  /// The path of a new upload.
  std::string create(const std::string& length, const Headers& more = {}) const;
  HttpReply patch(const std::string& path, std::uint64_t offset, const std::string& body,
                  const Headers& more = {}) const;
  /// What HEAD says; -1 where the upload is not there.
  std::int64_t offset(const std::string& path) const;
  /// Asks until HEAD says that.
  void wait_for_offset(const std::string& path, std::int64_t wanted) const;
  /// A PATCH that has promised so many bytes more than it sent: it stays open.
  UniqueFd patch_partly(const std::string& path, std::uint64_t offset, const std::string& body,
                        std::size_t more, const Headers& headers = {}) const;
  /// Asks until no other request is in the upload.
  HttpReply patch_when_free(const std::string& path, std::uint64_t offset,
                            const std::string& body) const;

  HttpReply register_upload(const std::string& name, const std::string& url) const;

  bool discards_ = false;
};

}  // namespace sluice::test
