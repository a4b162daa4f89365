#include "tests/databankd/databankd_fixture.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <csignal>

namespace sluice::test {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::StartsWith;

Arguments operator+(Arguments a, const Arguments& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

std::string transfer_request(const std::string& previous_size, const std::string& chunk,
                             std::size_t content_length_more) {
  const auto field = [](const std::string& name, const std::string& value) {
    return "--limit\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value +
           "\r\n";
  };
  const std::string body = field("phase", "transfer") + field("filename", "a") +
                           field("previous_size", previous_size) +
                           "--limit\r\nContent-Disposition: form-data; name=\"bytechunk\"; "
                           "filename=\"bytechunk\"\r\n\r\n" +
                           chunk + "\r\n--limit--\r\n";
  return fmt::format(
             "POST /api/dataset/IDB-1/datafile HTTP/1.1\r\nHost: localhost\r\n"
             "Authorization: Token token=secret\r\nContent-Type: multipart/form-data; "
             "boundary=limit\r\nContent-Length: {}\r\n\r\n",
             body.size() + content_length_more) +
         body;
}

Arguments Curl::databankd_argv(const Arguments& more) const {
  return Arguments{binary,      "--listen",    "127.0.0.1:0", "--store", store_.path().string(),
                   "--dataset", "IDB-1=secret"} +
         more;
}

void Curl::start(const Arguments& more) {
  Process::Options options;
  options.argv = databankd_argv(more);
  launch(options);
}

void Curl::launch(const Process::Options& options) {
  server_ = std::make_unique<Process>(options);
  const std::string line = server_->wait_for_line("listening on http://");
  ASSERT_THAT(line, StartsWith("listening on http://")) << server_->err();
  root_ = line.substr(line.find("http://"));
}

void Curl::stop() {
  server_->signal(SIGTERM);
  EXPECT_EQ(server_->wait(), 0) << server_->err();
}

void Curl::empty_store() {
  fs::remove_all(store_.path());
  fs::create_directories(store_.path());
}

void Curl::TearDown() {
  if (server_) stop();
}

Process::Options Curl::curl_options(const Arguments& arguments) const {
  Process::Options options;
  options.argv =
      Arguments{"curl", "-sS", "--noproxy", "*", "-w", "\n%{http_code} %{content_type}"} +
      arguments;
  return options;
}

Reply Curl::read_reply(const std::string& out) {
  const std::size_t end = out.rfind('\n');
  if (end == std::string::npos) return {};
  Reply reply;
  reply.body = out.substr(0, end);
  reply.status = std::stoi(out.substr(end + 1));
  reply.content_type = out.substr(out.find(' ', end) + 1);
  return reply;
}

Reply Curl::curl(const Arguments& arguments) const {
  const Finished finished = run(curl_options(arguments));
  Reply reply = read_reply(finished.out);
  reply.exit = finished.status;
  return reply;
}

Reply Curl::call(const Arguments& form) const {
  return curl(Arguments{"-H", header} + form + Arguments{endpoint()});
}

Reply Curl::setup(const std::string& name, const std::string& size) const {
  return call({"--form-string", "phase=setup", "--form-string", "filename=" + name, "--form-string",
               "filesize=" + size});
}

Arguments Curl::transfer_form(const std::string& name, std::uint64_t previous_size,
                              const fs::path& chunk) const {
  return {"--form-string",
          "phase=transfer",
          "--form-string",
          "filename=" + name,
          "--form-string",
          "previous_size=" + std::to_string(previous_size),
          "-F",
          "bytechunk=@" + chunk.string() + ";filename=bytechunk"};
}

Reply Curl::transfer(const std::string& name, std::uint64_t previous_size,
                     const fs::path& chunk) const {
  return call(transfer_form(name, previous_size, chunk));
}

Reply Curl::verify(const std::string& name) const {
  return call({"--form-string", "phase=verify", "--form-string", "filename=" + name});
}

std::int64_t Curl::progress(const std::string& name) const {
  const Reply reply = call({"-F", "phase=transfer", "--form-string", "filename=" + name, "-F",
                            "previous_size=-1", "-F", "bytechunk=x;filename=bytechunk"});
  if (reply.status != 200) return -1;
  return json::parse(reply.body)["progress"].get<std::int64_t>();
}

fs::path Curl::chunk_file(const std::string& content) {
  const fs::path path = files_ / fmt::format("chunk-{}", chunks_++);
  write_file(path, content);
  return path;
}

std::vector<json> Curl::registered() const {
  std::vector<json> lines;
  std::string text = read_file(store_ / "registered.jsonl");
  for (std::size_t end; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1))
    lines.push_back(json::parse(text.substr(0, end)));
  return lines;
}

std::string Curl::stored(const std::string& name) const {
  return read_file(store_ / "IDB-1" / name);
}

UniqueFd Curl::connect() const {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port =
      htons(static_cast<std::uint16_t>(std::stoi(root_.substr(root_.rfind(':') + 1))));
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  return fd;
}

void Curl::send(const UniqueFd& fd, const std::string& bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t put = ::send(fd.get(), bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
    ASSERT_GT(put, 0);
    done += static_cast<std::size_t>(put);
  }
}

std::string Curl::receive_until(const UniqueFd& fd, const std::string& end) {
  std::string text;
  std::array<char, 4096> buffer{};
  while (end.empty() || text.find(end) == std::string::npos) {
    const ssize_t got = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
    if (got <= 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return text;
}

}  // namespace sluice::test
