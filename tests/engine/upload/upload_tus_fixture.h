// Uploads over tus, and failures of their requests.
#pragma once

#include <filesystem>
#include <ostream>
#include <string>
#include <vector>

#include "engine/journal/journal.h"
#include "io/sync.h"
#include "tests/engine/upload/upload_fixture.h"

namespace sluice {

using testing::HasSubstr;
using testing::Not;

inline constexpr std::size_t MiB = 1 << 20;
inline constexpr std::size_t tus_block = 256 * 1024;
inline constexpr std::size_t part = 5 * MiB;  // minimum chunk length, except for the last chunk
inline constexpr std::size_t length = 12 * MiB + 7;  // three PATCHes
inline constexpr const char* name = "scan.h5";

/// An answer of the tus server itself; other answers may come from a reverse proxy.
inline std::string own_answer(int status) {
  return http_answer(status, "", "Tus-Resumable: 1.0.0\r\n");
}

class TusTest : public UploadTest {
 protected:
  TusTest() {
    write(name, length);
    options_.block_bytes = tus_block;
    options_.pool_bytes = 4 * tus_block;
    options_.state_dir = state_.path();
    options_.retry = {.retries = 10, .first = 2ms, .longest = 20ms};
    options_.log = [this](LogLevel level, const std::string& text) {
      MutexLock lock(mutex_);
      if (level == LogLevel::warning) warnings_ += text + '\n';
    };
  }
  ~TusTest() override { engine_.reset(); }  // before its state directory

  UploadRequest tus(const std::string& file = name) {
    UploadRequest request = UploadTest::request(file);
    request.chunk_bytes = part;
    request.server.protocol = ProtocolKind::tus;
    request.server.tus.extensions = {"creation", "termination"};
    return request;
  }
  Report upload(const std::string& file = name) { return start(tus(file))->wait(); }
  /// Discards engine and journal, as on another machine.
  void forget_all() {
    engine_.reset();
    for (const auto& entry : std::filesystem::directory_iterator(state_.path()))
      std::filesystem::remove_all(entry.path());
  }
  /// Uploads until `fault` ends the upload, and then discards the engine, as a new process would
  /// start.
  Report upload_until(const Fault& fault) {
    options_.retry.retries = 0;
    server_.set_faults({fault});
    const Report report = upload();
    engine_.reset();
    server_.set_faults({});
    options_.retry.retries = 10;
    return report;
  }
  /// The offset at which upload_a_part() ends: in the second PATCH, whose bytes the server has
  /// kept.
  static constexpr std::size_t broken_at = part + MiB + 5;
  void upload_a_part() {
    const Report report = upload_until({.phase = Phase::patch,
                                        .occurrence = 1,
                                        .after_payload_bytes = broken_at - part,
                                        .carried_out = true,
                                        .keeps = broken_at - part,
                                        .answer = "",
                                        .then = Then::reset});
    EXPECT_EQ(report.status, Status::failed);
    EXPECT_TRUE(report.resumable);
  }

  std::vector<JournalEntry> entries() {
    const auto journal = Journal::open(state_.path());
    EXPECT_TRUE(journal);
    return (*journal)->list(/*finished_too=*/true)->entries;
  }
  JournalEntry entry() {
    const auto all = entries();
    EXPECT_FALSE(all.empty());
    return all.empty() ? JournalEntry() : all.front();
  }

  std::vector<std::string> offsets(std::size_t from = 0) {
    std::vector<std::string> offsets;
    const auto seen = server_.seen();
    for (std::size_t i = from; i < seen.size(); ++i)
      if (seen[i].phase == Phase::patch) offsets.push_back(seen[i].offset());
    return offsets;
  }
  std::vector<std::size_t> patch_lengths() {
    std::vector<std::size_t> lengths;
    for (const auto& seen : server_.seen())
      if (seen.phase == Phase::patch)
        lengths.push_back(std::stoull(seen.headers.at("content-length")));
    return lengths;
  }
  std::string warnings() {
    MutexLock lock(mutex_);
    return warnings_;
  }

  TempDir state_;

 private:
  Mutex mutex_;
  std::string warnings_ SLUICE_GUARDED_BY(mutex_);
};

/// A transient failure of any step.
struct Passing {
  const char* name;
  Fault fault;  ///< without the phase
};
inline void PrintTo(const Passing& passing, std::ostream* out) {
  *out << passing.name;
}

inline const Passing passing[] = {
    {"request_lost", {.answer = "", .then = Then::close}},
    {"request_reset", {.answer = "", .then = Then::reset}},
    {"answer_lost", {.carried_out = true, .answer = "", .then = Then::close}},
    {"answer_reset", {.carried_out = true, .answer = "", .then = Then::reset}},
    {"reset_in_the_body", {.after_body_bytes = 200, .answer = "", .then = Then::reset}},
    {"answer_cut_short",
     {.carried_out = true,
      .answer = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nsuccessfully",
      .then = Then::close}},
    {"timeout_408", {.answer = http_answer(408, "")}},
    {"locked_423", {.answer = http_answer(423, "")}},
    {"too_many_429", {.answer = http_answer(429, "")}},
    {"error_500", {.answer = http_answer(500, "Errno::ENOSPC")}},
    {"bad_gateway_502", {.answer = http_answer(502, "<title>502</title>")}},
    {"unavailable_503", {.carried_out = true, .answer = http_answer(503, "")}},
    {"gateway_timeout_504", {.carried_out = true, .answer = http_answer(504, "")}},
    {"huge", {.answer = "HTTP/1.1 200 OK\r\n\r\nsuccess", .endless = true}},
};

}  // namespace sluice
