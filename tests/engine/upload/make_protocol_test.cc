#include "engine/upload/make_protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace sluice::make_protocol_test {
namespace {

using testing::HasSubstr;
using Step = Request::Step;

UploadRequest request(ProtocolKind kind = ProtocolKind::automatic) {
  UploadRequest request;
  request.base_url = "https://bank.example.org";
  request.dataset = "IDB-1";
  request.token = Secret("0123456789abcdef");
  request.path = "/home/me/scan.h5";
  request.name = "scan.h5";
  request.server.protocol = kind;
  return request;
}

EarlierRun earlier(JournalEntry::State state = JournalEntry::State::unfinished) {
  EarlierRun earlier;
  earlier.entry.file.size = 10000;
  earlier.entry.block_bytes = 4096;
  earlier.entry.hashed_blocks = 2;
  earlier.entry.upload_url = "https://bank.example.org/files/7";
  earlier.entry.state = state;
  return earlier;
}

std::unique_ptr<Protocol> make(ProtocolKind kind, const std::optional<EarlierRun>& before = {},
                               std::uint64_t size = 10000) {
  auto made = make_protocol(request(kind), kind, size, before);
  EXPECT_TRUE(made);
  return *std::move(made);
}

TEST(MakeProtocol, DefaultsToPhased) {
  EXPECT_EQ(protocol_of(request()), ProtocolKind::phased);
  for (const ProtocolKind kind : {ProtocolKind::phased, ProtocolKind::tus, ProtocolKind::binary}) {
    EXPECT_EQ(protocol_of(request(kind)), kind);
    EXPECT_EQ(make(kind)->name(), to_string(kind)) << "the journal and reports have this name";
  }
}

TEST(MakeProtocol, CreatesProtocolOfEachKind) {
  EXPECT_EQ(make(ProtocolKind::phased)->next(1)->step, Step::begin);
  EXPECT_EQ(make(ProtocolKind::tus)->next(1)->step, Step::begin);
  EXPECT_EQ(make(ProtocolKind::binary)->next(1)->step, Step::whole);
}

TEST(MakeProtocol, AsksOnlyForNamesInDryRun) {
  UploadRequest dry = request(ProtocolKind::phased);
  dry.dry_run = true;
  const auto made = make_protocol(dry, ProtocolKind::phased, 10, {});
  ASSERT_TRUE(made);
  EXPECT_EQ((*made)->next(1)->step, Step::ask_name);
}

TEST(MakeProtocol, AsksForOffsetOfEarlierRun) {
  const auto tus = make(ProtocolKind::tus, earlier());
  const Request head = tus->next(1).value();
  EXPECT_EQ(head.step, Step::ask_committed);
  EXPECT_EQ(head.url, "https://bank.example.org/files/7");
  // The server cannot hold more than the two blocks sent.
  const auto read = [](Protocol& protocol, const char* offset) {
    return protocol.read_answer(
        {.status = 200, .headers = {{"upload-offset", offset}}, .body = {}});
  };
  EXPECT_FALSE(read(*tus, "8193"));
  EXPECT_TRUE(read(*tus, "8192"));
  EXPECT_EQ(make(ProtocolKind::phased, earlier())->next(1)->step, Step::ask_name);
}

TEST(MakeProtocol, RejectsFileThatServerDoesNotAccept) {
  UploadRequest limited = request(ProtocolKind::tus);
  limited.server.tus.max_size = 9999;
  const auto refused = make_protocol(limited, ProtocolKind::tus, 10000, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::failed);
  EXPECT_THAT(refused.error().message, HasSubstr("/home/me/scan.h5"));
  EXPECT_TRUE(make_protocol(limited, ProtocolKind::tus, 9999, {}));
  limited.server.tus.max_size = 0;  // no limit announced
  EXPECT_TRUE(make_protocol(limited, ProtocolKind::tus, 1 << 30, {}));

  UploadRequest odd = request(ProtocolKind::binary);
  odd.name = "a\"b";
  EXPECT_FALSE(make_protocol(odd, ProtocolKind::binary, 1, {}));
  EXPECT_TRUE(make_protocol(odd, ProtocolKind::tus, 1, {}));
  EXPECT_FALSE(make_protocol(request(), ProtocolKind::binary, (std::uint64_t{4} << 30) + 1, {}));
}

}  // namespace
}  // namespace sluice::make_protocol_test
