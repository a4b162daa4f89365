#include "tools/sluice/process/open_files.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <system_error>

namespace sluice::cli {
namespace {

/// Of the engine: three for the journal, five for curl's multi handle and its wake-up.
constexpr std::size_t engine_files = 8;
/// For receipts, token files, certificates and name resolution, a few at a time.
constexpr std::size_t spare_files = 4;
/// For each transfer: the file, its lock, the connection, and a second one for a pipelined chunk.
/// Lanes may need more; their connections then wait for each other (engine/http/curl_transport.h).
constexpr std::size_t transfer_files = 4;
/// The measured minimum for one upload at a time.
constexpr std::size_t min_free_files = 10;

}  // namespace

void raise_open_files_limit() {
  // More than 64 transfers of 16 lanes need. Some systems have limits of billions, and some
  // libraries allocate a table of that size.
  constexpr rlim_t enough = 8192;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= enough) return;
  limit.rlim_cur = std::min(limit.rlim_max, enough);
  ::setrlimit(RLIMIT_NOFILE, &limit);  // on failure, the limit stays
}

OpenFiles open_files() {
  OpenFiles files;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0)
    files.limit = static_cast<std::size_t>(limit.rlim_cur);
  std::error_code error;
  const std::filesystem::directory_iterator entries("/proc/self/fd", error);
  files.open =
      error ? 3 : static_cast<std::size_t>(std::distance(begin(entries), end(entries)) - 1);
  return files;
}

Result<unsigned> transfers_within(const OpenFiles& files, unsigned wanted) {
  if (files.limit < files.open + min_free_files)
    return Error{
        ErrorKind::failed,
        fmt::format("cannot upload: the limit of {} open files (ulimit -n) is too low, as {} are "
                    "already open; raise the limit to {} or more",
                    files.limit, files.open, files.open + min_free_files)};
  const std::size_t taken = files.open + engine_files + spare_files;
  const std::size_t left = files.limit > taken ? files.limit - taken : 0;
  return static_cast<unsigned>(
      std::clamp<std::size_t>(left / transfer_files, 1, std::max(1U, wanted)));
}

}  // namespace sluice::cli
