#include "io/open_source.h"

#include <fmt/format.h>

#include <utility>

#include "io/buffered_source.h"
#include "io/direct_source.h"
#include "io/local_file.h"
#include "io/mapped_source.h"
#include "io/page_cache.h"

namespace sluice {
namespace {

/// A file as it was found when it was opened.
struct Found {
  LocalFile file;
  CacheSample cache;

  /// Half a sentence, behind a word about the page cache.
  std::string cached() const {
    if (cache.looked_at == 0) return "because nothing tells what of the file is there";
    return fmt::format("because {} of {} places looked at were there", cache.cached,
                       cache.looked_at);
  }
};

/// A source that reads through the page cache. What was there before is somebody's and stays; what
/// only the upload brings in goes again. `how` begins the reason.
template <class CachedSource>
OpenedSource open_cached(Found found, const std::string& how, bool fell_back = false) {
  const bool used = found.cache.mostly_cached();
  std::string reason = fmt::format("{}; what is read {} the page cache, {}", how,
                                   used ? "stays in" : "is dropped from", found.cached());
  return {.source = std::make_unique<CachedSource>(std::move(found.file),
                                                   used ? AfterReading::keep : AfterReading::drop),
          .reason = std::move(reason),
          .fell_back = fell_back};
}

/// Direct, or buffered where that cannot be. `because` ends the reason.
OpenedSource open_direct(Found found, std::size_t block_size, const std::string& because,
                         bool asked_for) {
  auto direct = DirectSource::create(found.file, block_size);
  if (!direct) {
    return open_cached<BufferedSource>(
        std::move(found), fmt::format("reads buffered, because {}", direct.error().message),
        asked_for);
  }
  std::string reason =
      fmt::format("reads direct in sectors of {} bytes, {}", (*direct)->sector(), because);
  return {.source = *std::move(direct), .reason = std::move(reason)};
}

}  // namespace

Result<OpenedSource> open_source(const std::string& path, ReadMode mode, std::size_t block_size) {
  TRY_ASSIGN(LocalFile file, open_local_file(path));
  const CacheSample cache = sample_page_cache(file.fd.get(), file.identity.size);
  Found found{std::move(file), cache};
  switch (mode) {
    case ReadMode::automatic:
      break;
    case ReadMode::direct:
      return open_direct(std::move(found), block_size, "as asked", true);
    case ReadMode::mmap:
      return open_cached<MappedSource>(std::move(found), "reads through mappings, as asked");
    case ReadMode::buffered:
      return open_cached<BufferedSource>(std::move(found), "reads buffered, as asked");
  }
  if (cache.mostly_cached()) return open_cached<BufferedSource>(std::move(found), "reads buffered");
  const std::string because = "past the page cache, " + found.cached();
  return open_direct(std::move(found), block_size, because, false);
}

}  // namespace sluice
