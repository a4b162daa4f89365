// Bytes of tus uploads: which of them count, where they are stored, and what a restart keeps.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/databankd/databankd_tus_fixture.h"

namespace sluice::tus_upload_test {
namespace {

using nlohmann::json;
using test::Headers;
using test::HttpReply;
using test::xxh128;
using test::operator+;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::size_t mib = std::size_t{1} << 20;

/// The parameter: whether the server discards the bytes.
class TusUpload : public test::Tus, public testing::WithParamInterface<bool> {
 protected:
  TusUpload() { discards_ = GetParam(); }

  /// Registers the upload, and expects that content.
  void expect_content(const std::string& upload, const std::string& content) {
    EXPECT_EQ(offset(upload), static_cast<std::int64_t>(content.size()));
    EXPECT_EQ(register_upload("result", upload).status, 200);
    const auto lines = registered();
    ASSERT_FALSE(lines.empty());
    EXPECT_EQ(lines.back()["size"], content.size());
    EXPECT_EQ(lines.back()["xxh128"], xxh128(content));
    if (!discards_) {
      EXPECT_TRUE(stored("result") == content);
    }
  }
};

INSTANTIATE_TEST_SUITE_P(, TusUpload, testing::Bool(),
                         [](const auto& param) { return param.param ? "discarding" : "storing"; });

TEST_P(TusUpload, AcceptsFileInPatches) {
  start_tus();
  const std::string content = test::random_bytes(3 * mib, 1);
  const std::string upload = create(std::to_string(content.size()));
  const HttpReply first = patch(upload, 0, content.substr(0, 1000001));
  EXPECT_EQ(first.status, 204);
  EXPECT_EQ(first.header("upload-offset"), "1000001");
  EXPECT_NE(first.header("upload-expires"), "");
  EXPECT_EQ(offset(upload), 1000001);
  EXPECT_EQ(patch(upload, 1000001, content.substr(1000001)).header("upload-offset"), "3145728");
  expect_content(upload, content);
}

TEST_P(TusUpload, AcceptsEmptyFile) {
  start_tus();
  expect_content(create("0"), "");
}

TEST_P(TusUpload, AcceptsDeferredLength) {
  start_tus();
  const HttpReply created = request("POST", "/files/", {{"Upload-Defer-Length", "1"}});
  const std::string upload =
      created.header("location").substr(std::string("http://localhost").size());
  EXPECT_EQ(patch(upload, 0, "abc").status, 204);
  const HttpReply head = request("HEAD", upload);
  EXPECT_EQ(head.header("upload-defer-length"), "1");
  EXPECT_EQ(head.headers.count("upload-length"), 0U);
  EXPECT_EQ(patch(upload, 3, "d", {{"Upload-Length", "2"}}).status, 400);
  EXPECT_EQ(patch(upload, 3, "de", {{"Upload-Length", "5"}}).status, 204);
  EXPECT_EQ(request("HEAD", upload).header("upload-length"), "5");
  EXPECT_EQ(patch(upload, 5, "", {{"Upload-Length", "6"}}).status, 400);
  expect_content(upload, "abcde");
}

TEST_P(TusUpload, RejectsInvalidPatches) {
  start_tus();
  const std::string upload = create("5");
  patch(upload, 0, "abc");
  EXPECT_EQ(patch(upload, 2, "de").status, 409);
  EXPECT_EQ(patch(upload, 4, "e").status, 409);
  EXPECT_EQ(patch(upload, 3, "def").status, 413);
  EXPECT_EQ(patch(upload, 3, "de", {{"Upload-Offset", ""}}).status, 400);
  EXPECT_EQ(patch(upload, 3, "de", {{"Upload-Offset", "3x"}}).status, 400);
  EXPECT_EQ(patch(upload, 3, "de", {{"Content-Type", "text/plain"}}).status, 415);
  EXPECT_EQ(offset(upload), 3);
  EXPECT_EQ(patch(upload, 3, "de").status, 204);
  expect_content(upload, "abcde");
}

TEST_P(TusUpload, KeepsFittingBytesOfChunkedBody) {
  start_tus();
  const std::string upload = create("5");
  const Headers chunked = {{"Content-Type", "application/offset+octet-stream"},
                           {"Upload-Offset", "0"},
                           {"Transfer-Encoding", "chunked"}};
  EXPECT_EQ(exchange(bytes_of("PATCH", upload, chunked) + "7\r\nabcdefg\r\n0\r\n\r\n").status, 413);
  expect_content(upload, "abcde");
}

TEST_P(TusUpload, CountsBytesOnArrival) {
  start_tus();
  const std::string content = test::random_bytes(2 * mib, 2);
  const std::string upload = create(std::to_string(content.size()));
  UniqueFd open = patch_partly(upload, 0, content.substr(0, mib), mib);
  wait_for_offset(upload, mib);
  // One request at a time.
  EXPECT_EQ(patch(upload, mib, content.substr(mib)).status, 423);
  EXPECT_EQ(request("DELETE", upload).status, 423);
  open.reset();
  EXPECT_EQ(patch_when_free(upload, mib, content.substr(mib)).status, 204);
  expect_content(upload, content);
}

TEST_P(TusUpload, ComparesChecksums) {
  start_tus();
  // Of "abc", as computed by coreutils and zlib.
  const std::vector<std::string> checksums = {
      "md5 kAFQmDzST7DWlj99KOF/cg==",
      "sha1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0=",
      "sha256 ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=",
      "sha384 ywB1P0WjXou1oD1pmsZQBycsMqsO3tFjGotgWkP/W+2AhgcroefMI1i67KE0yCWn",
      "sha512 3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslP"
      "pUyknw==",
      "crc32 NSRBwg=="};
  const std::string upload = create(std::to_string(3 * checksums.size()));
  std::uint64_t at = 0;
  std::string content;
  for (const std::string& checksum : checksums) {
    EXPECT_EQ(patch(upload, at, "abd", {{"Upload-Checksum", checksum}}).status, 460) << checksum;
    EXPECT_EQ(offset(upload), static_cast<std::int64_t>(at));
    EXPECT_EQ(patch(upload, at, "abc", {{"Upload-Checksum", checksum}}).status, 204) << checksum;
    at += 3;
    content += "abc";
  }
  expect_content(upload, content);
}

TEST_P(TusUpload, RejectsUnknownChecksums) {
  start_tus();
  const std::string upload = create("3");
  for (const char* checksum : {"xxh3 AAAA", "sha1", "sha1 ", "sha1 ???", "qZk+NkcGgWq6PiVxeFDC"})
    EXPECT_EQ(patch(upload, 0, "abc", {{"Upload-Checksum", checksum}}).status, 400) << checksum;
  EXPECT_EQ(offset(upload), 0);
}

TEST_P(TusUpload, DropsIncompleteBodyWithChecksum) {
  start_tus();
  const std::string upload = create("6");
  patch(upload, 0, "ab");
  UniqueFd open =
      patch_partly(upload, 2, "c", 3, {{"Upload-Checksum", "sha1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0="}});
  // At a wrong offset this is harmless; 423 means that the open request has the lock.
  while (patch(upload, 0, "x").status != 423) {
  }
  EXPECT_EQ(offset(upload), 2);
  open.reset();
  EXPECT_EQ(patch_when_free(upload, 2, "cdef").status, 204);
  expect_content(upload, "abcdef");
}

// --- the part rule

TEST_P(TusUpload, DropsIncompletePart) {
  start_tus({"--part-min", "4K"});
  const std::string content = test::random_bytes(20000, 3);
  const std::string upload = create("20000");
  const HttpReply thrown = patch(upload, 0, content.substr(0, 4095));
  EXPECT_EQ(thrown.status, 204);
  EXPECT_EQ(thrown.header("upload-offset"), "0");
  EXPECT_EQ(offset(upload), 0);
  EXPECT_EQ(patch(upload, 0, content.substr(0, 4096)).header("upload-offset"), "4096");
  // Two and a half parts: all bytes of a body with at least one part count.
  EXPECT_EQ(patch(upload, 4096, content.substr(4096, 10000)).header("upload-offset"), "14096");
  EXPECT_EQ(patch(upload, 14096, content.substr(14096, 4095)).header("upload-offset"), "14096");
  EXPECT_EQ(patch(upload, 14096, content.substr(14096, 5000)).header("upload-offset"), "19096");
  // Shorter than a part, but at the end.
  EXPECT_EQ(patch(upload, 19096, content.substr(19096)).header("upload-offset"), "20000");
  expect_content(upload, content);
}

TEST_P(TusUpload, AcceptsTenThousandParts) {
  start_tus({"--part-min", "1"});
  const std::string upload = create("30001");  // parts of 4 bytes
  EXPECT_EQ(patch(upload, 0, "abc").header("upload-offset"), "0");
  EXPECT_EQ(patch(upload, 0, "abcd").header("upload-offset"), "4");
}

TEST_P(TusUpload, KeepsWholePartsOfIncompleteBody) {
  start_tus({"--part-min", "4K"});
  const std::string content = test::random_bytes(20000, 4);
  const std::string upload = create("20000");
  UniqueFd open = patch_partly(upload, 0, content.substr(0, 10000), 10000);
  wait_for_offset(upload, 8192);
  open.reset();
  EXPECT_EQ(patch_when_free(upload, 8192, content.substr(8192)).status, 204);
  expect_content(upload, content);
}

TEST_P(TusUpload, AppliesChecksumAndPartSize) {
  start_tus({"--part-min", "3"});
  const std::string upload = create("8");
  const Headers right = {{"Upload-Checksum", "sha1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0="}};
  EXPECT_EQ(patch(upload, 0, "abd", right).status, 460);
  EXPECT_EQ(patch(upload, 0, "abc", right).header("upload-offset"), "3");
  EXPECT_EQ(patch(upload, 3, "ab", {{"Upload-Checksum", "md5 GH70Q2Ei0cwvQNwrkvDroA=="}})
                .header("upload-offset"),
            "3");
  EXPECT_EQ(patch(upload, 3, "abcde").status, 204);
  expect_content(upload, "abcabcde");
}

// --- partial uploads

TEST_P(TusUpload, JoinsPartialUploads) {
  start_tus();
  const Headers partial = {{"Upload-Concat", "partial"}};
  const std::string content = test::random_bytes(100000, 5);
  const std::string a = create("60000", partial);
  const std::string b = create("40000", partial);
  EXPECT_EQ(request("HEAD", a).header("upload-concat"), "partial");
  patch(b, 0, content.substr(60000));
  const auto join = [&](const std::string& urls) {
    return request("POST", "/files/",
                   {{"Upload-Concat", "final;" + urls}, {"Upload-Metadata", "filename YQ=="}});
  };
  EXPECT_EQ(join(a + " " + b).status, 400);
  patch(a, 0, content.substr(0, 60000));
  EXPECT_EQ(join(a + " /files/0123").status, 400);
  EXPECT_EQ(join(a + " " + create("0")).status, 400);
  const std::string urls = root_ + a + " " + b;
  const HttpReply joined = join(urls);
  ASSERT_EQ(joined.status, 201) << joined.body;
  const std::string whole =
      joined.header("location").substr(std::string("http://localhost").size());

  const HttpReply head = request("HEAD", whole);
  EXPECT_EQ(head.header("upload-length"), "100000");
  EXPECT_EQ(head.header("upload-offset"), "100000");
  EXPECT_EQ(head.header("upload-concat"), "final;" + urls);
  EXPECT_EQ(head.header("upload-metadata"), "filename YQ==");
  EXPECT_EQ(patch(whole, 100000, "").status, 403);
  EXPECT_EQ(offset(a), -1);
  EXPECT_EQ(offset(b), -1);
  if (!discards_) {
    expect_content(whole, content);
    return;
  }
  // The server has not hashed all of its bytes.
  EXPECT_EQ(register_upload("result", whole).status, 200);
  EXPECT_EQ(registered().at(0), (json{{"dataset", "IDB-1"}, {"name", "result"}, {"size", 100000}}));
}

TEST_P(TusUpload, JoinsOnePartialUpload) {
  start_tus();
  const Headers partial = {{"Upload-Concat", "partial"}};
  const std::string a = create("3", partial);
  const std::string empty = create("0", partial);
  patch(a, 0, "abc");
  const HttpReply joined =
      request("POST", "/files/", {{"Upload-Concat", "final;" + empty + " " + a}});
  ASSERT_EQ(joined.status, 201) << joined.body;
  expect_content(joined.header("location").substr(std::string("http://localhost").size()), "abc");
}

TEST_P(TusUpload, KeepsRegisteredPartUnchanged) {
  start_tus();
  const Headers partial = {{"Upload-Concat", "partial"}};
  const std::string a = create("3", partial);
  const std::string b = create("3", partial);
  patch(a, 0, "abc");
  patch(b, 0, "def");
  EXPECT_EQ(register_upload("part", a).status, 200);
  EXPECT_EQ(request("POST", "/files/", {{"Upload-Concat", "final;" + a + " " + b}}).status, 201);
  if (!discards_) {
    EXPECT_EQ(stored("part"), "abc");
  }
}

TEST_P(TusUpload, RejectsJoinOfLockedPart) {
  start_tus();
  const std::string a = create("3", {{"Upload-Concat", "partial"}});
  UniqueFd open = patch_partly(a, 0, "ab", 1);
  wait_for_offset(a, 2);
  EXPECT_EQ(request("POST", "/files/", {{"Upload-Concat", "final;" + a}}).status, 423);
}

TEST_P(TusUpload, CanBeDeleted) {
  start_tus();
  const std::string upload = create("3");
  patch(upload, 0, "ab");
  EXPECT_EQ(request("DELETE", upload).status, 204);
  EXPECT_EQ(request("HEAD", upload).status, 404);
  if (!discards_) {
    EXPECT_TRUE(std::filesystem::is_empty(store_ / ".tus"));
  }
}

// --- a server that is started again

class TusRestart : public test::Tus {
 protected:
  void kill_and_start(const test::Arguments& more = {}) {
    server_->signal(SIGKILL);
    server_->wait();
    start(more);
  }
};

TEST_F(TusRestart, RestoresUploads) {
  start();
  const std::string upload = create("6", {{"Upload-Metadata", "filename YQ=="}});
  const std::string part = create("3", {{"Upload-Concat", "partial"}});
  patch(part, 0, "abc");
  UniqueFd open = patch_partly(upload, 0, "abcd", 2);
  wait_for_offset(upload, 4);
  kill_and_start();
  const HttpReply head = request("HEAD", upload);
  EXPECT_EQ(head.header("upload-offset"), "4");
  EXPECT_EQ(head.header("upload-length"), "6");
  EXPECT_EQ(head.header("upload-metadata"), "filename YQ==");
  EXPECT_EQ(request("HEAD", part).header("upload-concat"), "partial");
  EXPECT_EQ(patch(upload, 4, "ef").status, 204);
  EXPECT_EQ(register_upload("a", upload).status, 200);
  EXPECT_EQ(registered().at(0)["xxh128"], xxh128("abcdef"));
  EXPECT_EQ(stored("a"), "abcdef");
}

TEST_F(TusRestart, DropsBytesThatDidNotCount) {
  start({"--part-min", "4K"});
  const std::string content = test::random_bytes(20000, 6);
  const std::string upload = create("20000");
  const std::string checked = create("6");
  UniqueFd open = patch_partly(upload, 0, content.substr(0, 10000), 10000);
  UniqueFd other =
      patch_partly(checked, 0, "abc", 3, {{"Upload-Checksum", "md5 kAFQmDzST7DWlj99KOF/cg=="}});
  wait_for_offset(upload, 8192);
  // The bytes are in the file, although they do not count.
  while (std::filesystem::file_size(store_ / ".tus" / upload.substr(7)) != 10000) {
  }
  while (std::filesystem::file_size(store_ / ".tus" / checked.substr(7)) != 3) {
  }
  kill_and_start();
  EXPECT_EQ(offset(upload), 8192);
  EXPECT_EQ(offset(checked), 0);
  EXPECT_EQ(patch(upload, 8192, content.substr(8192)).status, 204);
  EXPECT_EQ(register_upload("a", upload).status, 200);
  EXPECT_TRUE(stored("a") == content);
}

TEST_F(TusRestart, ExpiresOldUploads) {
  start();
  const std::string upload = create("3");
  kill_and_start({"--tus-expires", "0"});
  EXPECT_EQ(request("HEAD", upload).status, 410);
  EXPECT_TRUE(std::filesystem::is_empty(store_ / ".tus"));
}

TEST_P(TusUpload, HasNoFileBeforeFirstPatchIfLazy) {
  start_tus({"--lazy-uploads"});
  const std::string upload = create("0");
  EXPECT_EQ(offset(upload), 0);
  for (int i = 0; i < 2; ++i) {
    const HttpReply refused = register_upload("a", upload);
    EXPECT_EQ(refused.status, 400);
    EXPECT_EQ(refused.body, "Invalid TUS upload reference\n");
  }
  EXPECT_THAT(registered(), IsEmpty());
  EXPECT_EQ(patch(upload, 0, "", {{"Content-Length", "0"}}).status, 204);
  EXPECT_EQ(register_upload("a", upload).status, 200);
  EXPECT_EQ(registered().back()["size"], 0);
  // A part with bytes needs nothing else, and parts may be empty.
  const std::string filled = create("3", {{"Upload-Concat", "partial"}});
  EXPECT_EQ(patch(filled, 0, "abc").status, 204);
  const std::string empty = create("0", {{"Upload-Concat", "partial"}});
  const HttpReply joined =
      request("POST", "/files/", {{"Upload-Concat", "final;" + empty + " " + filled}});
  EXPECT_EQ(joined.status, 201) << joined.body;
  EXPECT_EQ(register_upload("b", joined.header("location")).status, 200);
  EXPECT_EQ(registered().back()["size"], 3);
  EXPECT_EQ(registered().back()["xxh128"], xxh128("abc"));
}

TEST_F(TusRestart, RestoresUploadsWithoutFile) {
  start_tus({"--lazy-uploads"});
  const std::string bare = create("0");
  const std::string patched = create("0");
  EXPECT_EQ(patch(patched, 0, "", {{"Content-Length", "0"}}).status, 204);
  stop();
  start_tus({"--lazy-uploads"});
  EXPECT_EQ(offset(bare), 0);
  EXPECT_EQ(register_upload("a", bare).status, 400);
  EXPECT_EQ(register_upload("b", patched).status, 200);
  EXPECT_EQ(patch(bare, 0, "", {{"Content-Length", "0"}}).status, 204);
  EXPECT_EQ(register_upload("a", bare).status, 200);
}

}  // namespace
}  // namespace sluice::tus_upload_test
