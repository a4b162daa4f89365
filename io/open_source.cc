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

OpenedSource opened_buffered(LocalFile file, std::string reason, bool fell_back = false) {
  return {.source = std::make_unique<BufferedSource>(std::move(file)),
          .reason = std::move(reason),
          .fell_back = fell_back};
}

/// Direct, or buffered where that cannot be. `because` ends the reason.
OpenedSource open_direct(LocalFile file, std::size_t block_size, const std::string& because,
                         bool asked_for) {
  auto direct = DirectSource::create(file, block_size);
  if (!direct) {
    return opened_buffered(std::move(file),
                           fmt::format("reads buffered, because {}", direct.error().message),
                           asked_for);
  }
  std::string reason =
      fmt::format("reads direct in sectors of {} bytes, {}", (*direct)->sector(), because);
  return {.source = *std::move(direct), .reason = std::move(reason)};
}

OpenedSource open_automatic(LocalFile file, std::size_t block_size) {
  const CacheSample sample = sample_page_cache(file.fd.get(), file.identity.size);
  const std::string cached =
      sample.looked_at == 0 ? "because nothing tells whether the file is in the page cache"
                            : fmt::format("because {} of {} places looked at are in the page cache",
                                          sample.cached, sample.looked_at);
  if (sample.mostly_cached()) return opened_buffered(std::move(file), "reads buffered, " + cached);
  return open_direct(std::move(file), block_size, cached, false);
}

}  // namespace

Result<OpenedSource> open_source(const std::string& path, ReadMode mode, std::size_t block_size) {
  TRY_ASSIGN(LocalFile file, open_local_file(path));
  switch (mode) {
    case ReadMode::automatic:
      break;
    case ReadMode::direct:
      return open_direct(std::move(file), block_size, "as asked", true);
    case ReadMode::mmap:
      return OpenedSource{.source = std::make_unique<MappedSource>(std::move(file)),
                          .reason = "reads through mappings, as asked"};
    case ReadMode::buffered:
      return opened_buffered(std::move(file), "reads buffered, as asked");
  }
  return open_automatic(std::move(file), block_size);
}

}  // namespace sluice
