// A Tus protocol at any of its steps, and the responses of a server.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "engine/protocol/tus.h"

namespace sluice::tus_steps {

using Step = Request::Step;
using testing::HasSubstr;
using testing::Not;
using Headers = std::vector<std::pair<std::string, std::string>>;

inline constexpr std::uint64_t MiB = 1 << 20;
inline constexpr std::uint64_t part = 5 * MiB;
inline constexpr std::uint64_t file_size = 12 * MiB;
inline constexpr const char* base = "https://bank.example.org/data";
inline constexpr const char* upload = "https://bank.example.org/data/files/7";
inline constexpr const char* token = "0123456789abcdef";

inline Answer answer(int status, Headers headers = {}, std::string body = {}) {
  return {.status = status, .headers = std::move(headers), .body = std::move(body)};
}
/// Returns a response of the tus server itself, with Tus-Resumable. A response of answer() may come
/// from a reverse proxy.
inline Answer own(int status, Headers headers = {}, std::string body = {}) {
  headers.emplace_back("tus-resumable", "1.0.0");
  return answer(status, std::move(headers), std::move(body));
}
/// Returns `given` without Tus-Resumable, as from a server that never sends the header.
inline Answer without_mark(Answer given) {
  std::erase_if(given.headers, [](const auto& header) { return header.first == "tus-resumable"; });
  return given;
}
inline Answer created(const std::string& location = "7") {
  return own(201, {{"location", location}});
}
inline Answer at_offset(std::uint64_t offset, int status = 204) {
  return own(status, {{"upload-offset", std::to_string(offset)}});
}
inline Answer held(std::uint64_t offset, std::uint64_t length = file_size) {
  return own(
      200, {{"upload-offset", std::to_string(offset)}, {"upload-length", std::to_string(length)}});
}
inline const Answer registered =
    answer(200, {}, "successfully uploaded a b.h5\nsee in dataset at x \n");

inline Tus::Setting setting(std::uint64_t size = file_size) {
  return {.deposit = {.dataset = "IDB-1", .name = "a b.h5", .size = size},
          .base_url = base,
          .server = {},
          .token = Secret(token)};
}
inline Tus::Setting resumed(std::uint64_t sent) {
  Tus::Setting setting = tus_steps::setting();
  setting.earlier = Resumption{sent, false};
  setting.upload_url = upload;
  return setting;
}

inline bool has_header(const Request& request, const std::string& line) {
  return std::find(request.headers.begin(), request.headers.end(), line) != request.headers.end();
}
inline std::string field(const Request& request, const std::string& name) {
  const std::string mark = "name=\"" + name + "\"\r\n\r\n";
  const std::size_t at = request.head.find(mark);
  if (at == std::string::npos) return "(absent)";
  const std::size_t begin = at + mark.size();
  return request.head.substr(begin, request.head.find("\r\n", begin) - begin);
}

/// A protocol whose request of the step `step` is in flight, after successful responses to all
/// earlier ones. PATCHes have 5 MiB.
struct At {
  explicit At(Step step, Tus::Setting with = setting()) : protocol(std::move(with)) {
    ask();
    while (request.step != step) {
      EXPECT_TRUE(protocol.read_answer(success()));
      ask();
    }
  }
  void ask(std::uint64_t chunk = part) { request = protocol.next(chunk).value(); }
  Answer success() const {
    switch (request.step) {
      case Step::begin:
      case Step::join:
        return created();
      case Step::chunk:
        return at_offset(request.payload.end);
      case Step::ask_committed:
        return held(protocol.committed());
      case Step::finish:
        return registered;
      case Step::ask_name:
      case Step::ask_parts:
      case Step::whole:
        ADD_FAILURE() << "no step of this upload";
    }
    return {};
  }
  /// Builds the next request, and returns its step.
  Step next(std::uint64_t chunk = part) {
    ask(chunk);
    return request.step;
  }
  Error error_for(const Answer& given) {
    const auto result = protocol.read_answer(given);
    EXPECT_FALSE(result) << "accepted the response: " << given.status << " " << given.body;
    if (result) return {};
    EXPECT_THAT(result.error().message, Not(HasSubstr(token)));
    EXPECT_TRUE(protocol.next(1)) << "counted as registered";
    return result.error();
  }
  /// Returns the retryable error for `given`, and builds the request of the retry.
  Error error_and_retry(const Answer& given) {
    Error error = error_for(given);
    EXPECT_TRUE(error.retryable) << error.message;
    protocol.recover();
    ask();
    return error;
  }

  Tus protocol;
  Request request;
};

}  // namespace sluice::tus_steps
