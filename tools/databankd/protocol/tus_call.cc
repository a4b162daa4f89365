#include "tools/databankd/protocol/tus_call.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <ctime>

#include "tools/databankd/store/token.h"
#include "tools/databankd/store/tus_checksum.h"

namespace sluice::databankd {
namespace {

constexpr std::string_view files = "/files";
constexpr std::string_view version = "1.0.0";
constexpr std::string_view bytes_type = "application/offset+octet-stream";

Answer plain(unsigned status, std::string body = {}) {
  Answer answer{status, std::move(body), "text/plain"};
  if (answer.body.empty()) answer.content_type.clear();
  return answer;
}

Answer failed(const Error& error) {
  return plain(static_cast<unsigned>(error.code), error.message + "\n");
}

std::optional<std::uint64_t> parse_count(std::optional<std::string_view> text) {
  if (!text) return std::nullopt;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (text->empty() || error != std::errc() || end != text->data() + text->size())
    return std::nullopt;
  return number;
}

/// Returns whether the text has the form `key BASE64,key`, with unique keys.
bool is_metadata(std::string_view text) {
  std::vector<std::string_view> keys;
  while (true) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::string_view pair = text.substr(0, comma);
    while (pair.starts_with(' ')) pair.remove_prefix(1);
    const std::size_t blank = std::min(pair.find(' '), pair.size());
    const std::string_view key = pair.substr(0, blank);
    pair.remove_prefix(std::min(blank + 1, pair.size()));
    if (key.empty() || !is_base64(pair) || std::find(keys.begin(), keys.end(), key) != keys.end())
      return false;
    keys.push_back(key);
    if (comma == text.size()) return true;
    text.remove_prefix(comma + 1);
  }
}

/// Returns a date in the format of RFC 7231: "Sun, 06 Nov 1994 08:49:37 GMT".
std::string http_date(std::chrono::system_clock::time_point time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%a, %d %b %Y %T GMT", &parts)};
}

Result<TusUpload> mismatch() {
  return Error{.message = "Upload-Checksum value doesn't match", .code = 460};
}

}  // namespace

std::string tus_id(std::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  while (url.ends_with('/')) url.remove_suffix(1);
  return std::string(url.substr(url.rfind('/') + 1));
}

std::string back_end_name(std::string_view id) {
  return fmt::format("files/{}", id);
}

bool TusCall::is_here(const std::string& id) const {
  return bank_.back_ends().has(back_end_name(id), back_end_);
}

bool TusCall::takes(std::string_view path) {
  return path.starts_with(files) && (path.size() == files.size() || path[files.size()] == '/');
}

TusCall::TusCall(DataBank& bank, const TusSettings& settings, RequestHead head, unsigned back_end)
    : bank_(bank),
      settings_(settings),
      head_(std::move(head)),
      back_end_(back_end),
      method_(head_.find("X-HTTP-Method-Override").value_or(head_.method)),
      id_(head_.path.substr(std::min(files.size() + 1, head_.path.size()))),
      dataset_(nullptr) {
  if (const auto authorization = head_.find("Authorization")) {
    if (const auto token = presented_token(*authorization)) dataset_ = bank_.find_token(*token);
  }
}

std::optional<std::string_view> TusCall::concat() const {
  return settings_.extensions.concatenation ? head_.find("Upload-Concat") : std::nullopt;
}

/// Returns the ids in `final;URL URL`.
std::vector<std::string> TusCall::parts() const {
  std::vector<std::string> ids;
  std::string_view urls = concat().value_or("");
  urls.remove_prefix(std::min(urls.find(';'), urls.size()));
  while (!urls.empty()) {
    urls.remove_prefix(1);
    const std::size_t blank = std::min(urls.find(' '), urls.size());
    if (blank > 0) ids.push_back(tus_id(urls.substr(0, blank)));
    urls.remove_prefix(blank);
  }
  return ids;
}

std::optional<Step> TusCall::step(bool) const {
  if (method_ == "OPTIONS") return Step::options;
  if (id_.empty() && method_ == "POST") {
    if (concat().value_or("").starts_with("final")) return Step::join;
    const bool has_bytes = settings_.extensions.creation_with_upload &&
                           settings_.extensions.creation &&
                           head_.find("Content-Type") == bytes_type;
    return has_bytes ? Step::create_with_upload : Step::create;
  }
  if (id_.empty()) return std::nullopt;
  if (method_ == "HEAD") return Step::head;
  if (method_ == "PATCH") return Step::patch;
  if (method_ == "DELETE") return Step::remove;
  return std::nullopt;
}

void TusCall::strike(const Strike& strike) {
  struck_ = strike.fault.kind;
  switch (strike.fault.kind) {
    case FaultKind::lose_request:
    case FaultKind::stall:
    case FaultKind::status:
    case FaultKind::front:
    case FaultKind::stuck:
    case FaultKind::checksum:
      keep_ = 0;
      break;
    case FaultKind::partial_append:
    case FaultKind::short_append:
      keep_ = place_inside(parse_count(head_.find("Content-Length")).value_or(0), strike.random);
      break;
    case FaultKind::expire:
    case FaultKind::forget_staging: {
      std::vector<std::string> ids = parts();
      if (!id_.empty()) ids.push_back(id_);
      for (const std::string& id : ids)
        struck_by(FaultKind::expire) ? bank_.tus().expire(id) : bank_.tus().forget(id);
      break;
    }
    default:
      break;
  }
}

void TusCall::begin(bool token_checked) {
  refusal_ = token_checked ? refusal() : unauthorized();
  if (refusal_) return;
  if (step(true) == Step::patch) refusal_ = open_patch();
  if (step(true) == Step::create_with_upload && !has_no_effect()) refusal_ = open_creation();
}

/// Returns whether the request has no effect because of a fault.
bool TusCall::has_no_effect() const {
  return struck_by(FaultKind::lose_request) || struck_by(FaultKind::stall) ||
         struck_by(FaultKind::status) || struck_by(FaultKind::front);
}

std::optional<Answer> TusCall::refusal() const {
  const auto authorization = head_.find("Authorization");
  const auto token = presented_token(authorization.value_or(""));
  if (!token || bank_.find_token(*token) == nullptr) return unauthorized();
  if (method_ != "OPTIONS" && head_.find("Tus-Resumable") != version) {
    Answer answer = plain(412, "Unsupported version\n");
    answer.headers.emplace_back("Tus-Version", version);
    return answer;
  }
  if (!id_.empty() && method_ != "OPTIONS" && !is_here(id_))
    return plain(404, "Upload Not Found\n");
  if (struck_by(FaultKind::locked)) return plain(423, "Upload is locked by another request\n");
  return std::nullopt;
}

/// Like the Data Bank's CheckToken, the response repeats the request, including the token.
Answer TusCall::unauthorized() const {
  Answer answer{401, "---\n", "text/html"};
  answer.body += fmt::format("REQUEST_METHOD: {}\nPATH_INFO: \"{}\"\n", method_, head_.path);
  for (const auto& [name, value] : head_.headers) {
    std::string key = name;
    for (char& c : key) {
      if (c == '-') c = '_';
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    answer.body += fmt::format("HTTP_{}: {}\n", key, value);
  }
  answer.headers.emplace_back("WWW-Authenticate", "Token token=[TOKEN FROM ILLINOIS DATA BANK]");
  answer.secret = true;
  return answer;
}

/// Checks a PATCH before its body. Returns an error response, or opens the upload for appending.
std::optional<Answer> TusCall::open_patch() {
  if (const auto found = bank_.tus().find(id_); !found) return failed(found.error());
  if (head_.find("Content-Type") != bytes_type) return plain(415, "Invalid Content-Type header\n");
  const auto offset = parse_count(head_.find("Upload-Offset"));
  if (!offset) return plain(400, "Missing or invalid Upload-Offset header\n");
  std::optional<std::uint64_t> length;
  if (head_.find("Upload-Length") && settings_.extensions.defer_length) {
    length = parse_count(head_.find("Upload-Length"));
    if (!length) return plain(400, "Invalid Upload-Length header\n");
    if (*length > bank_.tus().max_size()) return plain(413, "Upload-Length header too large\n");
  }
  return open_append(id_, *offset, length);
}

/// Creates the upload for a create with bytes, and opens it for appending.
std::optional<Answer> TusCall::open_creation() {
  TusUpload upload;
  if (auto error = read_headers(upload)) return error;
  const auto upload_created = bank_.tus().create(std::move(upload));
  if (!upload_created) return failed(upload_created.error());
  new_id_ = upload_created->id;
  auto refused = open_append(new_id_, 0, std::nullopt);
  if (refused) (void)bank_.tus().remove(new_id_);
  return refused;
}

std::optional<Answer> TusCall::open_append(const std::string& id, std::uint64_t offset,
                                           std::optional<std::uint64_t> length) {
  std::optional<TusChecksum> checksum;
  if (const auto announced = head_.find("Upload-Checksum");
      announced && settings_.extensions.checksum) {
    checksum = TusChecksum::expect(*announced);
    if (!checksum) return plain(400, "Invalid or unsupported Upload-Checksum header\n");
  }
  auto append = bank_.tus().append(id, offset, length, std::move(checksum));
  if (!append) return failed(append.error());
  if (parse_count(head_.find("Content-Length")).value_or(0) > (*append)->room()) {
    append->reset();
    return plain(413, "Size of this chunk surpasses Upload-Length\n");
  }
  append_ = std::move(*append);
  return std::nullopt;
}

void TusCall::body(std::span<const std::byte> data) {
  if (!append_) return;
  std::uint64_t wanted = data.size();
  if (keep_) wanted = std::min(wanted, *keep_ - std::min(*keep_, received_));
  received_ += data.size();
  if (wanted > 0) append_->write(data.first(static_cast<std::size_t>(wanted)));
}

Answer TusCall::finish(std::string_view) {
  Answer answer = refusal_ ? *std::move(refusal_) : process();
  if (answer.status != 401) answer.headers.emplace_back("Tus-Resumable", version);
  return answer;
}

Answer TusCall::process() {
  const auto step_of_call = step(true);
  if (!step_of_call) {
    Answer answer = plain(405, "Method Not Allowed\n");
    answer.headers.emplace_back("Allow",
                                id_.empty() ? "OPTIONS, POST" : "OPTIONS, HEAD, PATCH, DELETE");
    return answer;
  }
  switch (*step_of_call) {
    case Step::options:
      return options();
    case Step::create:
    case Step::join:
      return create();
    case Step::create_with_upload:
      return create_with_upload();
    case Step::head:
      return head_of_upload();
    case Step::patch:
      return patch();
    default:
      break;
  }
  if (!settings_.extensions.termination) return plain(405, "Method Not Allowed\n");
  const auto removed = bank_.tus().remove(id_);
  return removed ? plain(204) : failed(removed.error());
}

Answer TusCall::options() const {
  Answer answer = plain(204);
  answer.headers.emplace_back("Tus-Version", version);
  if (const std::string extensions = settings_.extensions.to_string(); !extensions.empty())
    answer.headers.emplace_back("Tus-Extension", extensions);
  answer.headers.emplace_back("Tus-Max-Size", std::to_string(bank_.tus().max_size()));
  if (settings_.extensions.checksum)
    answer.headers.emplace_back("Tus-Checksum-Algorithm", tus_checksum_algorithms);
  return answer;
}

/// Sets `upload` from the headers of a creation. Returns an error response if they are invalid.
std::optional<Answer> TusCall::read_headers(TusUpload& upload) const {
  if (!settings_.extensions.creation) return plain(405, "Method Not Allowed\n");
  if (const auto metadata = head_.find("Upload-Metadata")) {
    if (!metadata->empty() && !is_metadata(*metadata))
      return plain(400, "Invalid Upload-Metadata header\n");
    upload.metadata = *metadata;
  }
  if (step(true) == Step::join) return std::nullopt;
  if (const auto part = concat()) {
    if (*part != "partial") return plain(400, "Invalid Upload-Concat header\n");
    upload.concat = *part;
  }
  const auto deferred = head_.find("Upload-Defer-Length");
  if (head_.find("Upload-Length")) {
    upload.length = parse_count(head_.find("Upload-Length"));
    if (!upload.length) return plain(400, "Invalid Upload-Length header\n");
    if (*upload.length > bank_.tus().max_size())
      return plain(413, "Upload-Length header too large\n");
  } else if (!settings_.extensions.defer_length || !deferred) {
    return plain(400, "Missing Upload-Length header\n");
  } else if (*deferred != "1") {
    return plain(400, "Invalid Upload-Defer-Length header\n");
  }
  return std::nullopt;
}

Answer TusCall::create() {
  TusUpload upload;
  if (auto error = read_headers(upload)) return *std::move(error);
  if (step(true) == Step::join) return join(upload.metadata);
  const auto upload_created = bank_.tus().create(std::move(upload));
  return upload_created ? created(*upload_created) : failed(upload_created.error());
}

Answer TusCall::create_with_upload() {
  const auto upload = struck_by(FaultKind::checksum) ? mismatch() : finish_append(new_id_);
  if (!upload) {  // the client does not learn the upload's address
    append_.reset();
    (void)bank_.tus().remove(new_id_);
    return failed(upload.error());
  }
  bank_.think();
  Answer answer = created(*upload);
  answer.headers.emplace_back("Upload-Offset", std::to_string(upload->offset));
  return answer;
}

Answer TusCall::join(const std::string& metadata) {
  TusUpload final;
  final.metadata = metadata;
  final.concat = concat().value_or("");
  const std::vector<std::string> ids = parts();
  if (!std::all_of(ids.begin(), ids.end(), [this](const std::string& id) { return is_here(id); }))
    return plain(400, "One or more partial uploads were not found\n");
  const auto joined = bank_.tus().join(ids, std::move(final));
  return joined ? created(*joined) : failed(joined.error());
}

Answer TusCall::created(const TusUpload& upload) const {
  bank_.back_ends().put(back_end_name(upload.id), back_end_);
  Answer answer = plain(201);
  answer.headers.emplace_back("Location", location(upload.id));
  add_expiry(answer, upload);
  return answer;
}

std::string TusCall::location(const std::string& id) const {
  std::string path = fmt::format("{}/{}", files, id);
  if (settings_.location == "relative") return path;
  if (settings_.location.find("://") != std::string::npos) return settings_.location + path;
  const bool secure =
      settings_.location == "absolute" && head_.find("X-Forwarded-Proto") == "https";
  return fmt::format("{}://{}{}", secure ? "https" : "http",
                     head_.find("Host").value_or("localhost"), path);
}

void TusCall::add_expiry(Answer& answer, const TusUpload& upload) const {
  if (settings_.extensions.expiration)
    answer.headers.emplace_back("Upload-Expires", http_date(upload.expires));
}

Answer TusCall::head_of_upload() {
  const auto upload = bank_.tus().find(id_);
  if (!upload) return failed(upload.error());
  Answer answer = plain(200);
  answer.headers.emplace_back("Cache-Control", "no-store");
  answer.headers.emplace_back("Upload-Offset", std::to_string(upload->offset));
  if (upload->length)
    answer.headers.emplace_back("Upload-Length", std::to_string(*upload->length));
  else
    answer.headers.emplace_back("Upload-Defer-Length", "1");
  if (!upload->metadata.empty()) answer.headers.emplace_back("Upload-Metadata", upload->metadata);
  if (!upload->concat.empty()) answer.headers.emplace_back("Upload-Concat", upload->concat);
  add_expiry(answer, *upload);
  return answer;
}

/// Returns the upload after the body was appended.
Result<TusUpload> TusCall::finish_append(const std::string& id) {
  const bool is_cut = keep_.has_value();  // a fault has cut the body short
  if (is_cut) append_.reset();
  auto upload = is_cut ? bank_.tus().find(id) : append_->finish();
  append_.reset();
  return upload;
}

Answer TusCall::patch() {
  const auto upload = struck_by(FaultKind::checksum) ? mismatch() : finish_append(id_);
  if (!upload) {
    append_.reset();  // unlock before the response, so that an immediate retry does not get 423
    return failed(upload.error());
  }
  bank_.think();
  Answer answer = plain(204);
  answer.headers.emplace_back("Upload-Offset", std::to_string(upload->offset));
  add_expiry(answer, *upload);
  return answer;
}

}  // namespace sluice::databankd
