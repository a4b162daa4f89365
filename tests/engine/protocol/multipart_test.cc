#include "engine/protocol/multipart.h"

#include <gtest/gtest.h>
#include <sys/random.h>
#include <sys/syscall.h>

#include <cerrno>
#include <thread>

#include "tests/support/refused_call.h"

namespace sluice::multipart_test {
namespace {

std::string boundary_of(const Multipart& body) {
  const std::string header = body.content_type_header();
  return header.substr(header.find("boundary=") + 9);
}

TEST(Multipart, CopiesFieldsUnescaped) {
  Multipart body;
  body.field("filename", "a \"b\"; c=é.txt");
  const std::string boundary = boundary_of(body);
  EXPECT_EQ(body.head() + body.tail(),
            "--" + boundary + "\r\nContent-Disposition: form-data; name=\"filename\"\r\n\r\n" +
                "a \"b\"; c=é.txt\r\n--" + boundary + "--\r\n");
}

TEST(Multipart, PlacesPayloadAsFilePartBetweenHeadAndTail) {
  Multipart body;
  body.field("phase", "transfer").payload("bytechunk", "bytechunk");
  const std::string boundary = boundary_of(body);
  // The server reads a part without a filename as a string, and refuses it (protocol section 1).
  EXPECT_TRUE(body.head().ends_with("--" + boundary +
                                    "\r\nContent-Disposition: form-data; name=\"bytechunk\"; "
                                    "filename=\"bytechunk\"\r\nContent-Type: "
                                    "application/octet-stream\r\n\r\n"));
  EXPECT_EQ(body.tail(), "\r\n--" + boundary + "--\r\n");
}

TEST(Multipart, BoundariesDiffer) {
  EXPECT_NE(Multipart().content_type_header(), Multipart().content_type_header());
}

TEST(Multipart, ReadsRandomBytesFromFileWithoutGetrandom) {
  bool possible = false;
  std::string first;
  std::string second;
  // The seccomp filter ends with the thread.
  std::thread([&] {
    char byte;
    possible = test::refuse_call(SYS_getrandom, ENOSYS) && ::getrandom(&byte, 1, 0) == -1 &&
               errno == ENOSYS;
    if (!possible) return;
    first = boundary_of(Multipart());
    second = boundary_of(Multipart());
  }).join();
  if (!possible) GTEST_SKIP() << "this system takes no filter of system calls";
  EXPECT_EQ(first.size(), std::string("sluice-").size() + 32);
  EXPECT_NE(first, second);
}

}  // namespace
}  // namespace sluice::multipart_test
