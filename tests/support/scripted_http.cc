#include "tests/support/scripted_http.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace sluice::test {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// Returns the text between `from` and `to`, after position `at`; nothing if they are not found.
/// Moves `at` after `to`.
std::optional<std::string> between(const std::string& text, std::string_view from,
                                   std::string_view to, std::size_t& at) {
  const std::size_t begin = text.find(from, at);
  if (begin == std::string::npos) return {};
  const std::size_t end = text.find(to, begin + from.size());
  if (end == std::string::npos) return {};
  at = end + to.size();
  return text.substr(begin + from.size(), end - begin - from.size());
}

}  // namespace

Multipart parse_multipart(const std::string& content_type, const std::string& body) {
  Multipart result;
  const std::size_t boundary = content_type.find("boundary=");
  if (boundary == std::string::npos) return result;
  const std::string dashes = "--" + content_type.substr(boundary + 9);
  result.delimiter = "\r\n" + dashes;
  std::size_t at = 0;
  while (const auto headers = between(body, dashes + "\r\n", "\r\n\r\n", at)) {
    std::size_t in_headers = 0;
    const auto name = between(*headers, " name=\"", "\"", in_headers);
    if (!name) break;
    if (*name == "bytechunk" || *name == "binary") {
      result.payload_at = at;
      const auto filename = between(*headers, " filename=\"", "\"", in_headers);
      if (*name == "binary") result.fields["binary"] = filename.value_or("");
      break;
    }
    const std::size_t end = body.find(result.delimiter, at);
    if (end == std::string::npos) break;
    result.fields[*name] = body.substr(at, end - at);
    at = end + 2;  // the dashes of the next part
  }
  return result;
}

std::string_view payload_of(const Multipart& parsed, const std::string& body) {
  if (!parsed.payload_at) return {};
  const std::string_view rest = std::string_view(body).substr(*parsed.payload_at);
  return parsed.delimiter.empty() ? rest : rest.substr(0, rest.rfind(parsed.delimiter));
}

void parse_head(const std::string& head, Seen& request) {
  std::size_t at = head.find("\r\n");
  const std::string line = head.substr(0, at);
  request.method = line.substr(0, line.find(' '));
  const std::size_t target = line.find(' ') + 1;
  request.target = line.substr(target, line.rfind(' ') - target);
  while ((at += 2) < head.size()) {
    const std::size_t end = head.find("\r\n", at);
    const std::string field = head.substr(at, end - at);
    const std::size_t colon = field.find(": ");
    if (colon != std::string::npos)
      request.headers[lower(field.substr(0, colon))] = field.substr(colon + 2);
    at = end;
  }
}

Phase phase_of(const Seen& request, const Multipart& body) {
  if (request.method == "OPTIONS") return Phase::options;
  if (request.method == "PATCH") return Phase::patch;
  if (request.method == "HEAD") return Phase::head;
  if (request.method == "DELETE") return Phase::remove;
  if (request.target == "/files/") {
    const auto concat = request.headers.find("upload-concat");
    return concat != request.headers.end() && concat->second.starts_with("final;") ? Phase::join
                                                                                   : Phase::create;
  }
  if (body.fields.contains("tus_url")) return Phase::registration;
  if (body.fields.contains("binary")) return Phase::whole;
  const auto phase = body.fields.find("phase");
  if (phase == body.fields.end()) return Phase::other;
  if (phase->second == "setup") return body.fields.contains("filesize") ? Phase::setup : Phase::ask;
  if (phase->second == "verify") return Phase::verify;
  if (phase->second != "transfer") return Phase::other;
  const auto previous = body.fields.find("previous_size");
  return previous != body.fields.end() && previous->second == "-1" ? Phase::probe : Phase::transfer;
}

std::string http_answer(int status, std::string_view body, std::string_view headers) {
  return fmt::format(
      "HTTP/1.1 {} Whatever\r\nContent-Type: application/json\r\n{}Content-Length: {}\r\n\r\n{}",
      status, headers, body.size(), body);
}

}  // namespace sluice::test
