#include "io/open_source.h"

#include <fmt/format.h>

#include <utility>

#include "io/buffered_source.h"
#include "io/direct_source.h"
#include "io/file_system.h"
#include "io/local_file.h"
#include "io/mapped_source.h"
#include "io/page_cache.h"

namespace sluice {
namespace {

/// An open file and its state in the page cache at that time.
struct Found {
  LocalFile file;
  CacheSample cache;

  /// Returns a clause with the fraction of the file that is in the page cache.
  std::string cached() const {
    if (cache.sampled == 0) return "the kernel does not say which pages are in the page cache";
    return fmt::format("{} of {} sampled pages are in the page cache", cache.cached, cache.sampled);
  }
};

/// Opens a source that reads through the page cache. Keeps pages cached if the file was mostly
/// cached before, because another program uses it; else drops pages after reading. `how` begins the
/// reason.
template <class CachedSource>
OpenedSource open_cached(Found found, const std::string& how, bool fell_back = false) {
  const bool used = found.cache.mostly_cached();
  std::string reason = fmt::format("{}: {}; {} after reading", how, found.cached(),
                                   used ? "pages stay cached" : "pages are dropped from the cache");
  return {.source = std::make_unique<CachedSource>(std::move(found.file),
                                                   used ? AfterReading::keep : AfterReading::drop),
          .reason = std::move(reason),
          .fell_back = fell_back};
}

/// Opens a direct source, or a buffered one if O_DIRECT is not possible. `because` ends the reason.
OpenedSource open_direct(Found found, std::size_t block_size, const std::string& because,
                         bool asked_for) {
  auto direct = DirectSource::create(found.file, block_size);
  if (!direct) {
    return open_cached<BufferedSource>(
        std::move(found),
        fmt::format("reading through the page cache, because O_DIRECT is not possible ({})",
                    direct.error().message),
        asked_for);
  }
  std::string reason =
      fmt::format("reading with O_DIRECT in sectors of {} bytes{}", (*direct)->sector(), because);
  return {.source = *std::move(direct), .reason = std::move(reason)};
}

}  // namespace

Result<OpenedSource> open_source(const std::string& path, ReadMode mode, std::size_t block_size) {
  if (FileSystem* const files = ScopedFileSystem::current()) return files->open(path, block_size);
  TRY_ASSIGN(LocalFile file, open_local_file(path));
  const CacheSample cache = sample_page_cache(file.fd.get(), file.identity.size);
  Found found{std::move(file), cache};
  switch (mode) {
    case ReadMode::automatic:
      break;
    case ReadMode::direct:
      return open_direct(std::move(found), block_size, ", as requested", true);
    case ReadMode::mmap:
      return open_cached<MappedSource>(std::move(found),
                                       "reading through memory mappings, as requested");
    case ReadMode::buffered:
      return open_cached<BufferedSource>(std::move(found),
                                         "reading through the page cache, as requested");
  }
  if (cache.mostly_cached())
    return open_cached<BufferedSource>(std::move(found), "reading through the page cache");
  const std::string because = ": " + found.cached();
  return open_direct(std::move(found), block_size, because, false);
}

}  // namespace sluice
