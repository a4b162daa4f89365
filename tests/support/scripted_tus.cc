#include "tests/support/scripted_tus.h"

#include <fmt/format.h>

#include <cstring>
#include <sstream>
#include <vector>

#include "tests/support/scripted_http.h"

namespace sluice::test {
namespace {

std::string header(const ScriptedTus::Headers& headers, const std::string& name) {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second;
}

}  // namespace

std::string ScriptedTus::answer(int status, std::string_view body,
                                const std::string& headers) const {
  return http_answer(status, body,
                     (rules_.sends_resumable ? "Tus-Resumable: 1.0.0\r\n" : "") + headers);
}

std::string ScriptedTus::no_content(std::uint64_t offset) const {
  return answer(204, "", fmt::format("Upload-Offset: {}\r\n", offset));
}

std::string ScriptedTus::id_of(const std::string& target) {
  return target.substr(target.rfind('/') + 1);
}

std::string ScriptedTus::create(const std::string& base_url, const Headers& headers,
                                std::string_view body, std::optional<std::size_t> keeps) {
  if (header(headers, "tus-resumable") != "1.0.0") return answer(412, "");
  const std::string length = header(headers, "upload-length");
  if (length.empty()) return answer(400, "Missing Upload-Length header\n");
  Upload upload{.length = std::stoull(length), .bytes = {}};
  if (body.empty() || header(headers, "content-type") != "application/offset+octet-stream" ||
      rules_.first_bytes == TusRules::FirstBytes::ignored)
    return created(base_url, std::move(upload));
  if (body.size() > upload.length) return answer(413, "");
  upload.patched = true;
  upload.bytes = body.substr(0, keeps.value_or(std::string::npos));
  const std::string offset = fmt::format("Upload-Offset: {}\r\n", upload.bytes.size());
  return created(base_url, std::move(upload),
                 rules_.first_bytes == TusRules::FirstBytes::kept ? offset : std::string());
}

std::string ScriptedTus::join(const std::string& base_url, const Headers& headers) {
  if (header(headers, "tus-resumable") != "1.0.0") return answer(412, "");
  std::istringstream urls(header(headers, "upload-concat").substr(std::strlen("final;")));
  std::vector<std::string> ids;
  for (std::string url; urls >> url;) ids.push_back(id_of(url));
  Upload joined;
  for (const std::string& id : ids) {
    const auto part = uploads_.find(id);
    if (part == uploads_.end() || part->second.bytes.size() != part->second.length)
      return answer(400, "One or more partial uploads were not found\n");
    // The framework around the tus server handles the exception of S3.
    if (part->second.length < rules_.least_joined_part && id != ids.back())
      return http_answer(500,
                         "Your proposed upload is smaller than the minimum allowed object size.");
    joined.bytes += part->second.bytes;
  }
  joined.length = joined.bytes.size();
  joined.patched = true;
  for (const std::string& id : ids) uploads_.erase(id);
  return created(base_url, std::move(joined));
}

std::string ScriptedTus::created(const std::string& base_url, Upload upload,
                                 const std::string& more) {
  const std::string id = fmt::format("upload-{}", next_++);
  uploads_[id] = std::move(upload);
  return answer(201, "",
                fmt::format("Location: {}{}\r\n{}",
                            rules_.absolute_locations ? base_url + "/files/" : "", id, more));
}

std::string ScriptedTus::head(const std::string& target) const {
  const auto found = uploads_.find(id_of(target));
  if (found == uploads_.end()) return answer(404, "");
  return answer(200, "",
                fmt::format("Upload-Offset: {}\r\nUpload-Length: {}\r\n",
                            found->second.bytes.size(), found->second.length));
}

std::string ScriptedTus::patch(const std::string& target, const Headers& headers,
                               std::string_view body, std::uint64_t length,
                               std::optional<std::size_t> keeps) {
  const auto found = uploads_.find(id_of(target));
  if (found == uploads_.end()) return answer(404, "");
  Upload& upload = found->second;
  const std::uint64_t held = upload.bytes.size();
  if (header(headers, "content-type") != "application/offset+octet-stream") return answer(415, "");
  if (header(headers, "upload-offset") != std::to_string(held))
    return answer(409, "Upload-Offset header doesn't match current offset\n");
  if (held + length > upload.length) return answer(413, "");
  if (length < rules_.part_bytes && held + length != upload.length) return no_content(held);
  upload.patched = true;
  upload.bytes += body.substr(0, keeps.value_or(std::string::npos));
  return no_content(upload.bytes.size());
}

std::string ScriptedTus::remove(const std::string& target) {
  return answer(uploads_.erase(id_of(target)) == 1 ? 204 : 404, "");
}

std::optional<std::string> ScriptedTus::complete(const std::string& target) const {
  const auto found = uploads_.find(id_of(target));
  if (found == uploads_.end() || found->second.bytes.size() != found->second.length) return {};
  if (rules_.makes_files_late && !found->second.patched) return {};
  return found->second.bytes;
}

}  // namespace sluice::test
