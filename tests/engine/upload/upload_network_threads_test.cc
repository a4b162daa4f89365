// Uploads and parts of files on several network threads.
#include <filesystem>
#include <set>

#include "tests/engine/upload/upload_tus_fixture.h"

namespace sluice::upload_network_threads_test {
namespace {

/// Returns the names of this process's network threads.
std::set<std::string> network_threads() {
  std::set<std::string> names;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name = test::read_file(task.path() / "comm");
    if (name.starts_with("network-")) names.insert(name.substr(0, name.find('\n')));
  }
  return names;
}

class NetworkThreadsTest : public TusTest {
 protected:
  UploadRequest in_parts(unsigned lanes) {
    UploadRequest request = tus();
    request.server.tus.extensions = {"creation", "concatenation", "termination"};
    request.server.tus.sends_resumable = true;
    request.lanes = lanes;
    return request;
  }
};

TEST_F(NetworkThreadsTest, RunPartsOfFile) {
  options_.network_threads = 2;
  const Report report = start(in_parts(2))->wait();
  expect_registered(report);
  EXPECT_EQ(report.lanes, 2U);
  EXPECT_EQ(network_threads(), (std::set<std::string>{"network-0", "network-1"}));
  EXPECT_EQ(server_.count(Phase::create), 2);
  EXPECT_EQ(server_.count(Phase::join), 1);
}

TEST_F(NetworkThreadsTest, RunOneFileEach) {
  options_.network_threads = 2;
  options_.pool_bytes = 8 * tus_block;
  options_.uploads_at_a_time = 3;
  std::vector<std::unique_ptr<Upload>> uploads;
  for (const char* file : {"one", "two", "three"}) {
    write(file, length, 3);
    uploads.push_back(start(tus(file)));
  }
  for (const auto& upload : uploads) {
    const Report report = upload->wait();
    expect_registered(report, report.name);
  }
  EXPECT_EQ(network_threads().size(), 2U);
}

TEST_F(NetworkThreadsTest, AreOneIfRequested) {
  options_.network_threads = 1;
  expect_registered(start(in_parts(2))->wait());
  EXPECT_EQ(network_threads(), std::set<std::string>{"network-0"});
}

TEST_F(NetworkThreadsTest, AreOneByDefaultOnFewCores) {
  options_.network_threads = 0;
  options_.workers = 2;
  expect_registered(start(in_parts(2))->wait());
  EXPECT_EQ(network_threads(), std::set<std::string>{"network-0"});
}

TEST_F(NetworkThreadsTest, EndTogetherAfterCancel) {
  options_.network_threads = 2;
  server_.set_faults({{.phase = Phase::patch, .occurrence = -1, .then = Then::hold}});
  auto upload = start(in_parts(2));
  ASSERT_TRUE(server_.wait_for(Phase::patch, 2));
  upload->cancel();
  EXPECT_EQ(upload->wait().status, Status::interrupted);
  upload.reset();
  server_.set_faults({});
  const Report report = start(in_parts(2))->wait();
  expect_registered(report);
}

/// One part is refused permanently: the other one, on another thread, ends too.
TEST_F(NetworkThreadsTest, EndTogetherAfterFailedPart) {
  options_.network_threads = 2;
  options_.retry.retries = 0;
  server_.set_faults({{.phase = Phase::patch, .occurrence = 0, .then = Then::hold},
                      {.phase = Phase::patch, .occurrence = 1, .answer = http_answer(500, "")}});
  const Report report = start(in_parts(2))->wait();
  EXPECT_EQ(report.status, Status::failed);
  server_.set_faults({});
  expect_registered(start(in_parts(2))->wait());
}

TEST_F(NetworkThreadsTest, CannotExceedMaximum) {
  options_.network_threads = most_network_threads + 1;
  const auto refused = Engine::create(options_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::usage);
  EXPECT_THAT(refused.error().message, HasSubstr("--network-threads"));
}

}  // namespace
}  // namespace sluice::upload_network_threads_test
