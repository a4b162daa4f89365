#include "tools/sluice/process/open_files.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <system_error>

namespace sluice::cli {
namespace {

/// The engine's own: three of the journal, five of curl's multi handle and its wake-up.
constexpr std::size_t engine_files = 8;
/// A receipt, a token file, certificates, a name server: a few at a time.
constexpr std::size_t spare_files = 4;
/// The file, its lock, the connection, and a second one for a chunk that is sent ahead. Where lanes
/// need more, their connections wait for each other (engine/http/http.cc).
constexpr std::size_t transfer_files = 4;
/// With so many, one upload at a time has been seen to succeed.
constexpr std::size_t least_files = 10;

}  // namespace

void raise_open_files_limit() {
  // More than 64 transfers of 16 lanes can use; some systems allow billions, and some libraries
  // have a table of all.
  constexpr rlim_t enough = 8192;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= enough) return;
  limit.rlim_cur = std::min(limit.rlim_max, enough);
  ::setrlimit(RLIMIT_NOFILE, &limit);  // if not: it stays as it is
}

OpenFiles open_files() {
  OpenFiles files;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0)
    files.limit = static_cast<std::size_t>(limit.rlim_cur);
  std::error_code error;
  const std::filesystem::directory_iterator own("/proc/self/fd", error);
  files.open = error ? 3 : static_cast<std::size_t>(std::distance(begin(own), end(own)) - 1);
  return files;
}

Result<unsigned> transfers_within(const OpenFiles& files, unsigned wanted) {
  if (files.limit < files.open + least_files)
    return Error{
        ErrorKind::failed,
        fmt::format("cannot upload: the limit of {} open files (ulimit -n) is too low, as {} are "
                    "already open; raise the limit to {} or more",
                    files.limit, files.open, files.open + least_files)};
  const std::size_t taken = files.open + engine_files + spare_files;
  const std::size_t left = files.limit > taken ? files.limit - taken : 0;
  return static_cast<unsigned>(
      std::clamp<std::size_t>(left / transfer_files, 1, std::max(1U, wanted)));
}

}  // namespace sluice::cli
