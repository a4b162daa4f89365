#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/temp_dir.h"
#include "tools/databankd/protocol/phased.h"
#include "tools/databankd/store/data_bank.h"
#include "tools/databankd/store/digest.h"

namespace sluice::databankd {

using nlohmann::json;
using test::TempDir;

inline constexpr const char* key = "TESTIDB-1234567";
inline constexpr const char* authorization = "Token token=secret";

/// A field of the form.
struct Part {
  std::string name;
  std::string value;
  bool is_file = false;
};

inline std::string xxh128(const std::string& bytes) {
  Digest digest;
  digest.update(std::as_bytes(std::span(bytes)));
  return digest.hex();
}

inline void add(PhasedCall& call, const Part& part) {
  // In two pieces, as may arrive from a network.
  const std::size_t half = part.value.size() / 2;
  call.field(part.name, std::string_view(part.value).substr(0, half), 0, part.is_file);
  if (half < part.value.size())
    call.field(part.name, std::string_view(part.value).substr(half), half, part.is_file);
}

/// A data bank with one draft, called without a socket. The parameter: whether it discards the
/// bytes.
class Phased : public testing::TestWithParam<bool> {
 protected:
  Phased() { open(); }

  void open() {
    bank_.reset();
    DataBank::Options options;
    options.store = store_.path();
    options.tokens = {{key, "secret"}, {"TESTIDB-2", "other"}};
    options.published = {"TESTIDB-3"};
    options.token_lifetime = lifetime_;
    options.token_files = {{key, files_ / "token"}};
    options.discard = GetParam();
    auto bank = DataBank::open(options);
    ASSERT_TRUE(bank) << bank.error().message;
    bank_ = *std::move(bank);
  }

  Answer call(const std::vector<Part>& parts,
              std::optional<std::string_view> header = authorization,
              std::string_view dataset = key) {
    PhasedCall call(*bank_, dataset, header);
    for (const Part& part : parts) add(call, part);
    return call.finish("http://localhost:3000");
  }

  Answer setup(const std::string& name, const std::string& size = "100") {
    return call({{"phase", "setup"}, {"filename", name}, {"filesize", size}});
  }
  Answer transfer(const std::string& name, const std::string& previous_size,
                  const std::string& chunk) {
    return call({{"phase", "transfer"},
                 {"filename", name},
                 {"previous_size", previous_size},
                 {"bytechunk", chunk, true}});
  }
  Answer verify(const std::string& name) { return call({{"phase", "verify"}, {"filename", name}}); }

  void expect(const Answer& answer, unsigned status, const std::string& body) {
    EXPECT_EQ(answer.status, status);
    EXPECT_EQ(answer.body, body);
  }
  void expect_unexpected(const Answer& answer, std::uint64_t expected,
                         const std::string& received) {
    expect(answer, 200,
           R"({"error":"Unexpected previous_size value.  Expected: )" + std::to_string(expected) +
               ", Recieved: " + received + R"(\n","progress":)" + std::to_string(expected) +
               R"(,"status":500})");
  }

  std::vector<json> registered() {
    std::vector<json> lines;
    std::string text = test::read_file(store_ / "registered.jsonl");
    for (std::size_t end; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1))
      lines.push_back(json::parse(text.substr(0, end)));
    EXPECT_EQ(text, "");
    return lines;
  }
  std::string stored(const std::string& name) { return test::read_file(store_ / key / name); }

  const TempDir store_;
  const TempDir files_;
  std::chrono::seconds lifetime_ = std::chrono::hours(72);
  std::unique_ptr<DataBank> bank_;
};

}  // namespace sluice::databankd
