#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "io/unique_fd.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace sluice::test {

using Arguments = std::vector<std::string>;

Arguments operator+(Arguments a, const Arguments& b);

inline constexpr const char* binary = SLUICE_DATABANKD_PATH;
inline constexpr const char* header = "Authorization: Token token=secret";

/// A response as reported by curl.
struct Reply {
  int status = 0;  ///< of HTTP; 0 without a response
  std::string body;
  std::string content_type;
  int exit = 0;  ///< exit code of curl: a CURLcode
};

/// Returns a transfer into 'a' of IDB-1 as bytes, with headers. The Content-Length is larger than
/// the body by `content_length_more`.
std::string transfer_request(const std::string& previous_size, const std::string& chunk,
                             std::size_t content_length_more = 0);

/// A databankd with the dataset IDB-1 and the token "secret", and curl as its client.
class Curl : public testing::Test {
 protected:
  Arguments databankd_argv(const Arguments& more) const;
  /// Starts databankd and waits until it listens.
  void start(const Arguments& more = {});
  void launch(const Process::Options& options);
  void stop();
  /// Deletes staged and registered files. Call while no server runs.
  void empty_store();
  void TearDown() override;

  std::string endpoint() const { return root_ + "/api/dataset/IDB-1/datafile"; }

  Process::Options curl_options(const Arguments& arguments) const;
  static Reply read_reply(const std::string& out);
  Reply curl(const Arguments& arguments) const;
  Reply call(const Arguments& form) const;

  Reply setup(const std::string& name, const std::string& size = "100") const;
  Arguments transfer_form(const std::string& name, std::uint64_t previous_size,
                          const std::filesystem::path& chunk) const;
  Reply transfer(const std::string& name, std::uint64_t previous_size,
                 const std::filesystem::path& chunk) const;
  Reply verify(const std::string& name) const;
  /// Returns the number of staged bytes, by a request; -1 if nothing is staged.
  std::int64_t progress(const std::string& name) const;

  std::filesystem::path chunk_file(const std::string& content);
  std::vector<nlohmann::json> registered() const;
  std::string stored(const std::string& name) const;

  UniqueFd connect() const;
  static void send(const UniqueFd& fd, const std::string& bytes);
  /// Reads until `end` was received or the connection ends; with an empty `end`, until the
  /// connection ends.
  static std::string receive_until(const UniqueFd& fd, const std::string& end);

  const TempDir store_;
  const TempDir files_;
  int chunks_ = 0;
  std::unique_ptr<Process> server_;
  std::string root_;
};

}  // namespace sluice::test
