#include "engine/upload/file_opening.h"

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <utility>

#include "engine/base/text.h"
#include "engine/journal/journal_entry.h"
#include "engine/protocol/deposit.h"
#include "io/local_file.h"
#include "io/open_source.h"

namespace sluice {
namespace {

/// Replaces unprintable characters: io/ quotes file names unchanged.
Error printable_error(Error error) {
  error.message = printable(error.message);
  return error;
}

/// Checks that the journal can store the path. Without a journal entry, running the same command
/// again would register the file twice.
Result<void> check_journal_path(const std::string& path) {
  const auto absolute = absolute_path(path);
  if (!absolute) return printable_error(absolute.error());
  if (absolute->size() <= max_journal_path) return {};
  return Error{ErrorKind::local_file,
               fmt::format("cannot upload {}...: the path has {} bytes, and the journal can keep "
                           "at most {}; move the file to a shorter path",
                           printable(path.substr(0, 100)), absolute->size(), max_journal_path)};
}

Result<void> check_block_count(const std::string& path, std::uint64_t size,
                               std::size_t block_bytes) {
  // Each block has an 8-byte checksum, kept in at most three places.
  constexpr std::uint64_t most_blocks = std::uint64_t{1} << 22;
  if (size / block_bytes <= most_blocks) return {};
  return Error{ErrorKind::usage,
               fmt::format("cannot upload {} in blocks of {} bytes: the file has {} bytes, and a "
                           "file can have at most {} blocks; use --block {} or more",
                           printable(path), block_bytes, size, most_blocks,
                           (size / most_blocks / 4096 + 1) * 4096)};
}

}  // namespace

Result<std::unique_ptr<Source>> open_file(const UploadRequest& request,
                                          const FileOpening& opening) {
  if (opening.for_journal) TRY(check_journal_path(request.path));
  auto opened = open_source(request.path, request.read_mode, opening.block_bytes);
  if (!opened) return printable_error(std::move(opened).error());
  const std::uint64_t size = opened->source->identity().size;
  TRY(check_file_size(request.path, size));
  TRY(check_block_count(request.path, size, opening.block_bytes));
  if (opening.log)
    opening.log(opened->fell_back ? LogLevel::warning : LogLevel::info,
                fmt::format("{}: {}", printable(request.path), opened->reason));
  return std::move(opened->source);
}

}  // namespace sluice
