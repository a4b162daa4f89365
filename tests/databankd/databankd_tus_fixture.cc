#include "tests/databankd/databankd_tus_fixture.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cctype>

namespace sluice::test {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

HttpReply parse(const std::string& text) {
  HttpReply reply;
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string::npos) return reply;
  reply.status = std::stoi(text.substr(text.find(' ')));
  reply.body = text.substr(end + 4);
  for (std::size_t line = text.find("\r\n") + 2; line < end;) {
    const std::size_t next = text.find("\r\n", line);
    const std::size_t colon = text.find(": ", line);
    reply.headers[lower(text.substr(line, colon - line))] =
        text.substr(colon + 2, next - colon - 2);
    line = next + 2;
  }
  return reply;
}

}  // namespace

std::string HttpReply::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found != headers.end() ? found->second : "";
}

std::string xxh128(const std::string& bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

void Tus::start_tus(const Arguments& more) {
  start(more + (discards_ ? Arguments{"--discard"} : Arguments{}));
}

std::string Tus::bytes_of(const std::string& method, const std::string& path,
                          const Headers& headers, const std::string& body) {
  Headers all = {{"Host", "localhost"},
                 {"Authorization", "Token token=secret"},
                 {"Tus-Resumable", "1.0.0"},
                 {"Connection", "close"}};
  if (!body.empty()) all["Content-Length"] = std::to_string(body.size());
  for (const auto& [name, value] : headers) all[name] = value;
  std::string bytes = method + " " + path + " HTTP/1.1\r\n";
  for (const auto& [name, value] : all)
    if (!value.empty()) bytes += name + ": " + value + "\r\n";
  return bytes + "\r\n" + body;
}

HttpReply Tus::exchange(const std::string& bytes) const {
  const UniqueFd fd = connect();
  send(fd, bytes);
  return parse(receive_until(fd, ""));
}

HttpReply Tus::request(const std::string& method, const std::string& path, const Headers& headers,
                       const std::string& body) const {
  return exchange(bytes_of(method, path, headers, body));
}

std::string Tus::create(const std::string& length, const Headers& more) const {
  Headers headers = more;
  headers["Upload-Length"] = length;
  const HttpReply reply = request("POST", "/files/", headers);
  EXPECT_EQ(reply.status, 201) << reply.body;
  const std::string location = reply.header("location");
  return location.substr(std::min(location.find("/files/"), location.size()));
}

HttpReply Tus::patch(const std::string& path, std::uint64_t offset, const std::string& body,
                     const Headers& more) const {
  Headers headers = {{"Content-Type", "application/offset+octet-stream"},
                     {"Upload-Offset", std::to_string(offset)}};
  for (const auto& [name, value] : more) headers[name] = value;
  return request("PATCH", path, headers, body);
}

std::int64_t Tus::offset(const std::string& path) const {
  const HttpReply reply = request("HEAD", path);
  return reply.status == 200 ? std::stoll(reply.header("upload-offset")) : -1;
}

void Tus::wait_for_offset(const std::string& path, std::int64_t wanted) const {
  while (offset(path) != wanted) {
  }
}

UniqueFd Tus::patch_partly(const std::string& path, std::uint64_t offset, const std::string& body,
                           std::size_t more, const Headers& headers) const {
  Headers all = headers;
  all["Content-Type"] = "application/offset+octet-stream";
  all["Upload-Offset"] = std::to_string(offset);
  all["Content-Length"] = std::to_string(body.size() + more);
  UniqueFd fd = connect();
  send(fd, bytes_of("PATCH", path, all, body));
  return fd;
}

HttpReply Tus::patch_when_free(const std::string& path, std::uint64_t offset,
                               const std::string& body) const {
  HttpReply reply = patch(path, offset, body);
  while (reply.status == 423) reply = patch(path, offset, body);
  return reply;
}

HttpReply Tus::register_upload(const std::string& name, const std::string& url) const {
  return request("POST", "/api/dataset/IDB-1/datafile",
                 {{"Content-Type", "application/x-www-form-urlencoded"}},
                 "filename=" + name + "&dataset_key=IDB-1&size=1&tus_url=" + url);
}

}  // namespace sluice::test
