#include "engine/journal/journal_row.h"

#include <fmt/format.h>

#include <bit>
#include <optional>

namespace sluice {
namespace {

Error refuse_row(std::string what) {
  return Error{.kind = ErrorKind::failed, .message = std::move(what)};
}

/// A reader of a row's values in order. It converts each value to the expected type and remembers
/// the first value that has another type.
class RowReader {
 public:
  explicit RowReader(const JournalRow& row) : row_(row) {}

  std::int64_t integer() {
    const SqlValue& value = next();
    if (value.type != SqlValue::Type::integer) complain("is not a number");
    return value.integer;
  }
  std::uint64_t natural() {
    const std::int64_t value = integer();
    if (value < 0) complain("is negative");
    return static_cast<std::uint64_t>(value);
  }
  std::string text() {
    const SqlValue& value = next();
    if (value.type != SqlValue::Type::text) complain("is not a text");
    return std::string(value.bytes);
  }
  std::string blob() {
    const SqlValue& value = next();
    if (value.type != SqlValue::Type::blob) complain("is not a byte string");
    return std::string(value.bytes);
  }
  void complain(const char* what) {
    if (!problem_) problem_ = fmt::format("column '{}' {}", journal_columns[at_ - 1], what);
  }

  const std::optional<std::string>& problem() const { return problem_; }

 private:
  const SqlValue& next() { return row_[at_++]; }

  const JournalRow& row_;
  std::size_t at_ = 0;
  std::optional<std::string> problem_;
};

std::optional<ErrorKind> parse_error_kind(std::string_view word) {
  for (const ErrorKind kind :
       {ErrorKind::failed, ErrorKind::usage, ErrorKind::token_refused, ErrorKind::no_such_dataset,
        ErrorKind::name_taken, ErrorKind::local_file, ErrorKind::unreachable, ErrorKind::integrity,
        ErrorKind::unconfirmed, ErrorKind::interrupted})
    if (word == to_string(kind)) return kind;
  return std::nullopt;
}

/// Returns the time that is `seconds` and `nanoseconds`, either of which may be negative, after
/// 1970. Nothing if 64 bits of seconds do not hold the time.
std::optional<FileTime> file_time(std::int64_t seconds, std::int64_t nanoseconds) {
  constexpr std::int64_t ns_per_s = 1'000'000'000;
  std::int64_t whole = nanoseconds / ns_per_s;
  std::int64_t rest = nanoseconds % ns_per_s;
  if (rest < 0) {
    rest += ns_per_s;
    --whole;
  }
  std::int64_t sum = 0;
  if (__builtin_add_overflow(seconds, whole, &sum)) return std::nullopt;
  return FileTime{sum, static_cast<std::uint32_t>(rest)};
}

}  // namespace

Result<JournalEntry> decode_journal_row(const JournalRow& row) {
  RowReader in(row);
  JournalEntry entry;
  entry.id = in.integer();
  if (entry.id <= 0) in.complain("is not positive");
  entry.system = in.text();
  entry.dataset = in.text();
  entry.name = in.text();
  entry.path = in.blob();
  entry.file.size = in.natural();
  const std::int64_t mtime_ns = in.integer();
  // Device and inode numbers use all 64 bits.
  entry.file.device = std::bit_cast<std::uint64_t>(in.integer());
  entry.file.inode = std::bit_cast<std::uint64_t>(in.integer());
  entry.token_file = in.blob();
  entry.digests = in.text();
  entry.block_bytes = in.natural();
  entry.committed = in.natural();
  entry.hashed_blocks = in.natural();
  entry.digest_state = in.blob();
  const std::int64_t state = in.integer();
  if (state < static_cast<int>(JournalEntry::State::unfinished) ||
      state > static_cast<int>(JournalEntry::State::abandoned))
    in.complain("has an unknown value");
  else
    entry.state = static_cast<JournalEntry::State>(state);
  const std::string error_kind = in.text();
  const std::optional<ErrorKind> kind = parse_error_kind(error_kind);
  if (!kind && !error_kind.empty()) in.complain("has an unknown value");
  std::string message = in.text();
  if (kind) entry.error = Error{.kind = *kind, .message = std::move(message)};
  entry.started_s = in.integer();
  entry.updated_s = in.integer();
  entry.receipt = in.text();
  entry.protocol = in.text();
  entry.upload_url = in.text();
  entry.part_of = in.integer();
  entry.part_begin = in.natural();
  if (const auto modified = file_time(in.integer(), mtime_ns))
    entry.file.modified = *modified;
  else
    in.complain("is not in the range of times");
  if (in.problem()) return refuse_row(*in.problem());
  TRY(check_journal_entry(entry));
  return entry;
}

JournalRow encode_journal_row(const JournalEntry& entry) {
  const auto number = [](std::uint64_t value) {
    return SqlValue::of(std::bit_cast<std::int64_t>(value));
  };
  return {entry.id == 0 ? SqlValue() : SqlValue::of(entry.id),
          SqlValue::text(entry.system),
          SqlValue::text(entry.dataset),
          SqlValue::text(entry.name),
          SqlValue::blob(entry.path),
          number(entry.file.size),
          SqlValue::of(entry.file.modified.nanoseconds),
          number(entry.file.device),
          number(entry.file.inode),
          SqlValue::blob(entry.token_file),
          SqlValue::text(entry.digests),
          number(entry.block_bytes),
          number(entry.committed),
          number(entry.hashed_blocks),
          SqlValue::blob(entry.digest_state),
          SqlValue::of(static_cast<int>(entry.state)),
          SqlValue::text(entry.error ? to_string(entry.error->kind) : ""),
          SqlValue::text(entry.error ? std::string_view(entry.error->message) : ""),
          SqlValue::of(entry.started_s),
          SqlValue::of(entry.updated_s),
          SqlValue::text(entry.receipt),
          SqlValue::text(entry.protocol),
          SqlValue::text(entry.upload_url),
          SqlValue::of(entry.part_of),
          number(entry.part_begin),
          SqlValue::of(entry.file.modified.seconds)};
}

std::string encode_checksums(std::span<const std::uint64_t> checksums) {
  std::string bytes;
  bytes.reserve(checksums.size() * sizeof(std::uint64_t));
  for (const std::uint64_t checksum : checksums)
    for (unsigned shift = 0; shift < 64; shift += 8)
      bytes.push_back(static_cast<char>((checksum >> shift) & 0xFF));
  return bytes;
}

Result<void> decode_checksums(const SqlValue& segment, std::size_t count,
                              std::vector<std::uint64_t>& checksums) {
  if (segment.type != SqlValue::Type::blob)
    return refuse_row("the checksums are not a byte string");
  const std::string_view bytes = segment.bytes;
  if (bytes.size() / sizeof(std::uint64_t) != count || bytes.size() % sizeof(std::uint64_t) != 0)
    return refuse_row(fmt::format("the checksums have {} bytes, and {} blocks need {}",
                                  bytes.size(), count, count * sizeof(std::uint64_t)));
  for (std::size_t i = 0; i < bytes.size(); i += sizeof(std::uint64_t)) {
    std::uint64_t checksum = 0;
    for (std::size_t byte = sizeof(std::uint64_t); byte-- > 0;)
      checksum = checksum << 8 | static_cast<unsigned char>(bytes[i + byte]);
    checksums.push_back(checksum);
  }
  return {};
}

}  // namespace sluice
