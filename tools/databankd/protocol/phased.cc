#include "tools/databankd/protocol/phased.h"

#include <fmt/format.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <span>

#include "tools/databankd/base/files.h"
#include "tools/databankd/faults/faults.h"

namespace sluice::databankd {
namespace {

constexpr std::int64_t max_file_size = 2199023255552;  // 2 TB; this size is accepted
constexpr std::size_t max_text_field = 64 << 10;  // bytes; file names are the longest useful values
constexpr std::string_view too_large = "File too large. Max file size: 2TB.\n";

/// The response to a failed chunk; its HTTP status is 200.
Answer refused_chunk(const std::string& error, std::uint64_t progress) {
  const nlohmann::ordered_json object = {{"error", error}, {"progress", progress}, {"status", 500}};
  return {200, object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)};
}

Answer no_such_file(const Dataset& dataset, const std::string& name) {
  return {500, fmt::format("No such file or directory @ rb_file_s_size - {}\n",
                           dataset.shown_path(name))};
}

}  // namespace

Answer rails_error(unsigned status, std::string_view reason) {
  return {status, fmt::format(R"({{"status":{},"error":"{}"}})", status, reason)};
}

bool is_utf8(const std::string& text) {
  try {
    (void)nlohmann::json(text).dump();  // throws for invalid UTF-8
    return true;
  } catch (const nlohmann::json::type_error&) {
    return false;
  }
}

std::int64_t to_i(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \t\n\v\f\r");
  if (start == std::string_view::npos) return 0;
  text.remove_prefix(start);
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  constexpr std::int64_t limit = std::numeric_limits<std::int64_t>::max();
  std::int64_t value = 0;
  bool after_digit = false;
  for (const char c : text) {
    if (c >= '0' && c <= '9') {
      const std::int64_t digit = c - '0';
      value = value > (limit - digit) / 10 ? limit : value * 10 + digit;
      after_digit = true;
    } else if (c == '_' && after_digit) {
      after_digit = false;  // Ruby allows one underscore between digits
    } else {
      break;
    }
  }
  return negative ? -value : value;
}

PhasedCall::PhasedCall(DataBank& bank, std::string_view dataset_key,
                       std::optional<std::string_view> authorization, unsigned back_end)
    : back_ends_(bank.back_ends()),
      back_end_(back_end),
      dataset_(bank.find_draft(dataset_key)),
      key_(dataset_key) {
  if (authorization) {
    if (const auto token = presented_token(*authorization)) token_.emplace(*token);
  }
}

void PhasedCall::field(std::string_view name, std::string_view data, std::uint64_t offset,
                       bool is_file) {
  if (name == "bytechunk") {
    if (!is_file) {
      chunk_.reset();
      chunk_is_text_ = true;
      return;
    }
    if (offset == 0) {
      chunk_is_text_ = false;
      chunk_.reset();
      if (refused()) return;  // ignore the payload
      // Without the previous size, hashing cannot begin, and a fault can still cut the chunk. The
      // fault was decided already if the step is known.
      std::optional<std::int64_t> previous_size;
      if (step(false) && previous_size_ && !cut_random_) previous_size = to_i(*previous_size_);
      chunk_.emplace(*dataset_, previous_size);
    }
    if (chunk_ && !data.empty()) chunk_->write(std::as_bytes(std::span(data)));
    return;
  }
  std::optional<std::string>* text = name == "phase"           ? &phase_
                                     : name == "filename"      ? &filename_
                                     : name == "filesize"      ? &filesize_
                                     : name == "previous_size" ? &previous_size_
                                                               : nullptr;
  if (text == nullptr) return;
  if (offset == 0) text->emplace();
  if (!*text || offset + data.size() > max_text_field) {
    malformed_ = true;
    return;
  }
  (*text)->append(data);
}

std::optional<Step> PhasedCall::step(bool complete) const {
  if (!phase_) return std::nullopt;
  if (*phase_ == "setup" && (filesize_ || complete)) return filesize_ ? Step::setup : Step::ask;
  if (*phase_ == "transfer" && (previous_size_ || complete)) {
    return previous_size_ && to_i(*previous_size_) < 0 ? Step::probe : Step::transfer;
  }
  if (*phase_ == "verify") return Step::verify;
  return std::nullopt;
}

bool PhasedCall::refused() {
  if (!refusal_) refusal_ = refusal();
  return refusal_.has_value();
}

std::optional<Answer> PhasedCall::refusal() const {
  if (dataset_ == nullptr) return Answer{404, "Dataset Not Found"};
  if (!token_) return Answer{401, "HTTP Token: Access denied.\n"};
  // The phased generation of the Data Bank responds to an unknown token with an internal error.
  if (!dataset_->token().accepts(*token_, Token::Clock::now()))
    return rails_error(500, "Internal Server Error");
  return std::nullopt;
}

Answer PhasedCall::finish(std::string_view root) {
  if (refused()) return *refusal_;
  if (malformed_) return rails_error(400, "Bad Request");
  if (!phase_) return {500, "invalid request"};
  if (!filename_) return {400, "missing paramter: filename"};
  if (!is_utf8(*filename_) || !is_utf8(*phase_)) return rails_error(400, "Bad Request");
  if (*phase_ == "setup") return setup();
  if (*phase_ == "transfer") return transfer();
  if (*phase_ == "verify") return verify(root);
  return {400, fmt::format("invalid phase parameter: {}", *phase_)};
}

Answer PhasedCall::setup() {
  if (dataset_->has_file(*filename_)) {
    return {500,
            fmt::format("File with the name {} already exists in this dataset.\n", *filename_)};
  }
  if (!filesize_) return {500, "missing paramter: filesize\n"};
  if (to_i(*filesize_) > max_file_size) return {500, std::string(too_large)};
  if (const auto done = dataset_->setup(*filename_); !done)
    return {500, done.error().message + "\n"};
  back_ends_.put(back_end_name(), back_end_);
  return {200, fmt::format("successfully set up {}", *filename_)};
}

Answer PhasedCall::transfer() {
  if (!back_ends_.has(back_end_name(), back_end_)) return no_such_file(*dataset_, *filename_);
  const std::optional<std::uint64_t> size = dataset_->staged_size(*filename_);
  if (!size) return no_such_file(*dataset_, *filename_);
  if (!previous_size_) return refused_chunk("missing paramater: previous_size", *size);
  if (!chunk_ && !chunk_is_text_) return refused_chunk("missing bytechunk", *size);
  if (*size >= static_cast<std::uint64_t>(max_file_size))
    return refused_chunk(std::string(too_large), *size);

  const std::int64_t previous_size = to_i(*previous_size_);
  const auto unexpected = [&](std::uint64_t staged) {
    return refused_chunk(
        fmt::format("Unexpected previous_size value.  Expected: {}, Recieved: {}\n", staged,
                    previous_size),
        staged);
  };
  if (!chunk_) {
    if (previous_size < 0 || static_cast<std::uint64_t>(previous_size) != *size)
      return unexpected(*size);
    return refused_chunk("undefined method `read' for an instance of String\n", *size);
  }
  if (cut_random_) chunk_->cut(place_inside(chunk_->size(), *cut_random_));
  const auto appended = dataset_->append(*chunk_, *filename_, previous_size);
  if (!appended) return {500, appended.error().message + "\n"};
  switch (appended->outcome) {
    case Dataset::Appended::Outcome::nothing_staged:
      return no_such_file(*dataset_, *filename_);
    case Dataset::Appended::Outcome::unexpected_previous_size:
      return unexpected(appended->size);
    case Dataset::Appended::Outcome::appended:
      break;
  }
  return {200, fmt::format("successfully added chunk to {}", *filename_)};
}

Answer PhasedCall::verify(std::string_view root) {
  if (!back_ends_.has(back_end_name(), back_end_)) return no_such_file(*dataset_, *filename_);
  auto registered = dataset_->register_file(*filename_);
  if (!registered) return {500, registered.error().message + "\n"};
  if (!*registered) return no_such_file(*dataset_, *filename_);
  registered_ = **std::move(registered);
  if (dataset_->renames() && registered_->size == 0) {
    return {500,
            "Error uploading file. If error persists, please contact the Research Data Service.\n"};
  }
  return {200, fmt::format("{} successfully uploaded.  Refresh dataset page to see newly uploaded "
                           "file. {}/datasets/{}/edit",
                           *filename_, root, key_)};
}

}  // namespace sluice::databankd
