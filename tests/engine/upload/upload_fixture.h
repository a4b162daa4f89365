#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <xxhash.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "engine/base/text.h"
#include "engine/upload.h"
#include "tests/engine/socket_buffers.h"
#include "tests/support/scripted_server.h"
#include "tests/support/temp_dir.h"

namespace sluice {

using test::Fault;
using test::http_answer;
using test::Phase;
using test::ScriptedServer;
using test::TempDir;
using Status = Report::Status;
using Then = Fault::Then;
using namespace std::chrono_literals;

inline constexpr std::size_t block = 4096;
inline constexpr std::uint64_t chunk = 3 * block - 7;  // only the first chunk starts at a block
inline constexpr std::size_t file_size = 9 * block + 123;
inline constexpr int chunks = (file_size + chunk - 1) / chunk;
inline constexpr const char* token = "s3cr3t-t0k3n";
/// A server may store this name as my_scan.h5, so the engine asks for that name before the setup.
inline constexpr const char* asked_name = "my scan.h5";

inline std::string xxh128(const std::string& bytes) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes.data(), bytes.size()));
  return fmt::format("{:02x}", fmt::join(canonical.digest, ""));
}

class UploadTest : public testing::Test {
 protected:
  UploadTest() {
    write("scan.h5", file_size);
    options_.block_bytes = block;
    options_.pool_bytes = 2 * block;
    options_.register_wait = 0s;
    options_.retry.retries = 0;  // retries have tests of their own
    // Parts and uploads over tus run once more on several threads (tests/engine/CMakeLists.txt).
    if (const char* threads = std::getenv("SLUICE_TEST_NETWORK_THREADS"))
      options_.network_threads = static_cast<unsigned>(std::stoul(threads));
  }

  void write(const std::string& name, std::size_t size, std::uint64_t seed = 7) {
    test::write_file(directory_ / name, test::random_bytes(size, seed));
  }
  std::string content(const std::string& name) { return test::read_file(directory_ / name); }

  /// Two blocks are the minimum: a lost block would stop the next upload.
  Engine& engine() {
    if (!engine_) {
      auto engine = Engine::create(options_);
      EXPECT_TRUE(engine);
      engine_ = *std::move(engine);
    }
    return *engine_;
  }

  UploadRequest request(const std::string& file = "scan.h5") {
    UploadRequest request;
    request.base_url = server_.url();
    request.dataset = "IDB-1234567";
    request.token = Secret(token);
    request.path = directory_ / file;
    request.name = file;
    request.read_mode = ReadMode::buffered;
    request.chunk_bytes = chunk;
    // One chunk at a time, because the tests depend on the order of requests. The retry tests also
    // run with pipelined chunks (tests/engine/CMakeLists.txt).
    request.lookahead = 0;
    if (const char* ahead = std::getenv("SLUICE_TEST_LOOKAHEAD"))
      request.lookahead = static_cast<unsigned>(std::stoul(ahead));
    return request;
  }

  std::unique_ptr<Upload> start(const UploadRequest& request) {
    auto upload = engine().start(request);
    if (!upload) throw std::runtime_error(upload.error().message);  // ends the test
    return *std::move(upload);
  }
  Report upload() { return start(request())->wait(); }
  Report upload_against(const Fault& fault) {
    server_.set_faults({fault});
    return upload();
  }
  /// Returns `fault`, which refuses the token, and faults with the same answer to the at most five
  /// questions by which the engine checks the refusal. `asked_before`: number of questions for a
  /// name before them.
  static std::vector<Fault> token_refused(const Fault& fault, int asked_before) {
    std::vector<Fault> faults{fault};
    for (int i = 0; i < 5; ++i)
      faults.push_back(
          {.phase = Phase::ask, .occurrence = asked_before + i, .answer = fault.answer.value()});
    return faults;
  }

  void expect_registered(const Report& report, const std::string& file = "scan.h5") {
    EXPECT_EQ(report.status, Status::registered) << (report.error ? report.error->message : "");
    EXPECT_FALSE(report.error);
    const std::string bytes = content(file);
    EXPECT_TRUE(server_.registered(file) == bytes)
        << "the registered content differs from the file";
    EXPECT_EQ(report.xxh128, xxh128(bytes));
    EXPECT_EQ(report.bytes, bytes.size());
    EXPECT_EQ(report.committed, bytes.size());
  }

  /// Checks every failed upload: the message is one printable sentence with the file or dataset and
  /// without the token, and all buffers are free, as the next upload on the same engine needs them.
  void expect_failed(const Report& report, ErrorKind kind, const std::string& says = {}) {
    EXPECT_EQ(report.status, kind == ErrorKind::interrupted ? Status::interrupted : Status::failed);
    expect_ended(report, kind, says);
  }
  void expect_ended(const Report& report, ErrorKind kind, const std::string& says = {}) {
    ASSERT_TRUE(report.error);
    const std::string& message = report.error->message;
    EXPECT_STREQ(to_string(report.error->kind), to_string(kind)) << message;
    EXPECT_THAT(message, testing::HasSubstr(says));
    EXPECT_THAT(message,
                testing::AnyOf(testing::HasSubstr("scan.h5"), testing::HasSubstr("IDB-1234567"),
                               testing::HasSubstr(directory_.path().string())));
    EXPECT_THAT(message, testing::Not(testing::HasSubstr(token)));
    EXPECT_TRUE(is_utf8(message));
    EXPECT_EQ(printable(message), message) << "a control character";
    EXPECT_THAT(message, testing::Not(testing::HasSubstr("\n")));
    EXPECT_LT(message.size(), 1000U);
    EXPECT_EQ(report.xxh128, "");
    EXPECT_FALSE(server_.registered("scan.h5"));
    expect_next_upload_works();
  }

  void expect_next_upload_works() {
    server_.set_faults({});
    const std::string name = fmt::format("next-{}", next_++);
    write(name, file_size, 8);
    expect_registered(start(request(name))->wait(), name);
  }

  /// Returns the number of verifies of scan.h5. The next upload of expect_next_upload_works() has
  /// another name.
  int verifies() {
    int count = 0;
    for (const auto& seen : server_.seen())
      if (seen.phase == Phase::verify && seen.field("filename") == "scan.h5") ++count;
    return count;
  }

  test::SmallSendBuffers small_send_buffers_;
  TempDir directory_;
  ScriptedServer server_;
  EngineOptions options_;
  std::unique_ptr<Engine> engine_;
  int next_ = 0;
};

}  // namespace sluice
