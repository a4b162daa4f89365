#include "engine/protocol/server_profile.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::server_profile_test {
namespace {

TEST(ServerProfile, ProtocolNamesRoundTrip) {
  for (const ProtocolKind kind :
       {ProtocolKind::automatic, ProtocolKind::phased, ProtocolKind::tus, ProtocolKind::binary})
    EXPECT_EQ(parse_protocol(to_string(kind)), kind);
  for (const char* name : {"", "TUS", "tus ", "one-shot", "automatic"})
    EXPECT_FALSE(parse_protocol(name)) << name;
}

TEST(ServerProfile, ExtensionMatchesWholeName) {
  const TusServer server{.extensions = {"creation", "creation-with-upload"}, .algorithms = {}};
  EXPECT_TRUE(server.has("creation"));
  EXPECT_FALSE(server.has("creation-defer-length"));
  EXPECT_FALSE(server.has("creat"));
  EXPECT_FALSE(TusServer{}.has(""));
}

TEST(ServerProfile, TusServerRoundTrips) {
  const TusServer server{.extensions = {"creation", "checksum"},
                         .algorithms = {"sha1", "\"quoted\"", "\xC3\xA9", "\xFF"},
                         .max_size = 2199023255552,
                         .sends_resumable = true};
  const std::string text = to_text(server);
  EXPECT_EQ(text.find('\n'), std::string::npos);
  const auto back = parse_tus_server(text);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->extensions, server.extensions);
  EXPECT_EQ(back->algorithms[1], "\"quoted\"");
  EXPECT_EQ(back->algorithms[2], "\xC3\xA9");
  EXPECT_EQ(back->max_size, server.max_size);
  EXPECT_TRUE(back->sends_resumable);
}

TEST(ServerProfile, RejectsInvalidText) {
  for (const char* text : {"", "{", "null", "[]", "{}", R"({"extensions":[],"algorithms":[]})",
                           R"({"extensions":"creation","algorithms":[],"max_size":1})",
                           R"({"extensions":[1],"algorithms":[],"max_size":1})",
                           R"({"extensions":[],"algorithms":null,"max_size":1})",
                           R"({"extensions":[],"algorithms":[],"max_size":"1"})",
                           R"({"extensions":[],"algorithms":[],"max_size":-1})",
                           R"({"extensions":[],"algorithms":[],"max_size":1.5})",
                           R"({"extensions":[],"algorithms":[],"max_size":1,"sends_resumable":1})"})
    EXPECT_FALSE(parse_tus_server(text)) << text;
  const auto earlier =
      parse_tus_server(R"({"extensions":[],"algorithms":[],"max_size":1,"new":2})");
  ASSERT_TRUE(earlier);
  EXPECT_FALSE(earlier->sends_resumable);
}

}  // namespace
}  // namespace sluice::server_profile_test
