#include "engine/journal/journal_entry.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "engine/http/base_url.h"
#include "engine/journal/server_facts.h"
#include "engine/protocol/deposit.h"

namespace sluice {
namespace {

/// The latest valid time, in the year 2262: no upload is later, and more nanoseconds do not fit
/// into 63 bits.
constexpr std::int64_t end_of_time_s = 9'223'372'036;

bool is_absolute_path(std::string_view path) {
  return path.starts_with('/') && path.size() <= max_journal_path && path.find('\0') == path.npos;
}

bool is_time(std::int64_t seconds) {
  return seconds >= 0 && seconds < end_of_time_s;
}

bool is_list_of_digests(std::string_view text) {
  return text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == ',';
         });
}

template <class... Args>
Error refuse(fmt::format_string<Args...> format, Args&&... args) {
  return Error{.kind = ErrorKind::failed,
               .message = fmt::format(format, std::forward<Args>(args)...)};
}

/// Checks only that a request can be sent to `url`; a caller that sends a token checks the origin.
bool is_upload_url(std::string_view url) {
  const std::string_view scheme = url.starts_with("https://") ? "https://" : "http://";
  return url.size() <= max_upload_url && url.starts_with(scheme) && url.size() > scheme.size() &&
         url[scheme.size()] != '/' && is_printable_ascii(url) && url.find(' ') == url.npos;
}

Result<void> check_part(const JournalEntry& entry) {
  if (entry.part_of == 0 && entry.part_begin == 0) return {};
  if (entry.part_of <= 0 || entry.part_of == entry.id || entry.protocol != "tus")
    return refuse("it cannot be a part of another upload");
  if (entry.part_begin > max_file_size - entry.file.size)
    return refuse("a part of {} bytes at offset {} ends beyond the largest file size",
                  entry.file.size, entry.part_begin);
  return {};
}

}  // namespace

const char* to_string(JournalEntry::State state) {
  switch (state) {
    case JournalEntry::State::unfinished:
      return "unfinished";
    case JournalEntry::State::verifying:
      return "verifying";
    case JournalEntry::State::registered:
      return "registered";
    case JournalEntry::State::abandoned:
      return "abandoned";
  }
  return "unknown";
}

bool is_open(const JournalEntry& entry) {
  return entry.state == JournalEntry::State::unfinished ||
         entry.state == JournalEntry::State::verifying;
}

bool is_unconfirmed(const JournalEntry& entry) {
  return entry.state == JournalEntry::State::verifying && entry.protocol != "phased";
}

std::uint64_t count_blocks(const JournalEntry& entry) {
  return entry.file.size / entry.block_bytes + (entry.file.size % entry.block_bytes != 0 ? 1 : 0);
}

Result<void> check_journal_entry(const JournalEntry& entry) {
  // Plain http may have been requested; a caller that sends a token checks that again.
  const auto base = check_base_url(entry.system, true);
  if (!base || *base != entry.system) return refuse("the system is not the address of a Data Bank");
  if (!check_dataset_key(entry.dataset)) return refuse("the dataset is not a dataset key");
  if (!check_deposit_name(entry.name)) return refuse("the name is not a valid file name");
  if (!is_absolute_path(entry.path))
    return refuse("the path of the file is not absolute, or too long");
  if (!entry.token_file.empty() && !is_absolute_path(entry.token_file))
    return refuse("the path of the token file is not absolute, or too long");
  if (!is_list_of_digests(entry.digests))
    return refuse("the digests are not a list of digest names");
  if (entry.file.size > max_file_size)
    return refuse("the size of {} bytes is larger than the largest file size", entry.file.size);
  if (!is_protocol_name(entry.protocol)) return refuse("the protocol is unknown");
  if (!entry.upload_url.empty() && (entry.protocol != "tus" || !is_upload_url(entry.upload_url)))
    return refuse("the address is not that of a tus upload");
  TRY(check_part(entry));
  constexpr std::uint64_t alignment = 4096;
  constexpr std::uint64_t largest_block = std::uint64_t{1} << 30;
  if (entry.block_bytes == 0 || entry.block_bytes % alignment != 0 ||
      entry.block_bytes > largest_block)
    return refuse("the block size is {} bytes, not a multiple of {} up to {}", entry.block_bytes,
                  alignment, largest_block);
  if (entry.committed > entry.file.size)
    return refuse("{} bytes of a file of {} bytes are committed", entry.committed, entry.file.size);
  if (entry.hashed_blocks > count_blocks(entry))
    return refuse("{} blocks of a file of {} blocks are hashed", entry.hashed_blocks,
                  count_blocks(entry));
  if (!is_time(entry.started_s) || !is_time(entry.updated_s))
    return refuse("a time is out of range");
  if (entry.digest_state.size() > max_journal_text) return refuse("the digest state is too long");
  if (entry.receipt.size() > max_journal_text) return refuse("the receipt is too long");
  if (entry.error && entry.error->message.size() > max_journal_text)
    return refuse("the error message is too long");
  return {};
}

}  // namespace sluice
