#include "tools/databankd/store/one_shot.h"

#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "tools/databankd/base/files.h"

namespace sluice::databankd {

OneShot::OneShot(Dataset& dataset, std::string name) : dataset_(dataset) {
  deposit_.name = std::move(name);
  deposit_.share = true;
  if (dataset_.discards()) return;
  deposit_.file = dataset_.open_spool();
  // Spool files are private; this one becomes a registered file.
  if (!deposit_.file || ::fchmod(deposit_.file.get(), 0644) != 0) error_ = errno;
}

void OneShot::write(std::span<const std::byte> data) {
  if (error_ != 0) return;
  if (deposit_.file) error_ = write_all(deposit_.file.get(), data);
  digest_.update(data);
  deposit_.size += data.size();
}

Result<Registration> OneShot::finish() {
  if (error_ != 0) return system_error(error_, "io_write", dataset_.shown_path(deposit_.name));
  deposit_.xxh128 = digest_.hex();
  return dataset_.deposit(deposit_);
}

}  // namespace sluice::databankd
