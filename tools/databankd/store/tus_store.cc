#include "tools/databankd/store/tus_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <system_error>
#include <utility>

#include "tools/databankd/base/files.h"
#include "tools/databankd/base/log.h"
#include "tools/databankd/store/tus_append.h"

namespace sluice::databankd {
namespace fs = std::filesystem;
using WallClock = std::chrono::system_clock;

namespace {

constexpr std::uint64_t most_parts = 10000;  // the limit of S3

Error refused(int status, std::string message) {
  return Error{.kind = ErrorKind::failed, .message = std::move(message), .code = status};
}

Error disk_error(int code, std::string_view call, std::string_view id) {
  return refused(500, system_error(code, call, id).message);
}

std::string new_id() {
  std::array<unsigned char, 16> bytes{};
  while (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
  }
  std::string id;
  for (const unsigned char byte : bytes) id += fmt::format("{:02x}", byte);
  return id;
}

bool is_final(const TusUpload& upload) {
  return upload.concat.starts_with("final");
}

}  // namespace

Result<std::unique_ptr<TusStore>> TusStore::open(const Options& options) {
  std::unique_ptr<TusStore> store(new TusStore(options));
  if (options.discard) return store;
  std::error_code error;
  fs::create_directories(options.directory, error);
  std::vector<fs::path> infos;
  for (fs::directory_iterator entry(options.directory, error);
       !error && entry != fs::directory_iterator(); entry.increment(error)) {
    if (entry->path().extension() == ".info") infos.push_back(entry->path());
  }
  if (error) {
    return Error{.kind = ErrorKind::failed,
                 .message = fmt::format("cannot store uploads in {}: {}",
                                        options.directory.string(), error.message()),
                 .code = error.value()};
  }
  const MutexLock lock(store->mutex_);
  for (const fs::path& info : infos) store->load(info);
  store->remove_expired();
  return store;
}

/// Ignores invalid files and leaves them in place.
void TusStore::load(const fs::path& info) {
  std::ifstream stream(info);
  const auto object = nlohmann::json::parse(stream, nullptr, /*allow_exceptions=*/false);
  const auto item = std::make_shared<Item>();
  TusUpload& upload = item->upload;
  upload.id = info.stem().string();
  struct stat status {};
  if (!object.is_object()) return;
  if (::stat(data_path(upload.id).c_str(), &status) != 0) {
    if (!options_.lazy || errno != ENOENT || ::stat(info.c_str(), &status) != 0) return;
    status.st_size = 0;
    item->has_file = false;
  }
  const auto number = [&](const char* name) -> std::optional<std::uint64_t> {
    const auto found = object.find(name);
    if (found == object.end() || !found->is_number_unsigned()) return std::nullopt;
    return found->get<std::uint64_t>();
  };
  const auto text = [&](const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  upload.length = number("length");
  upload.metadata = text("metadata");
  upload.concat = text("concat");
  const auto size = static_cast<std::uint64_t>(status.st_size);
  upload.offset =
      std::min({size, number("committed").value_or(size), upload.length.value_or(size)});
  if (upload.offset < size &&
      ::truncate(data_path(upload.id).c_str(), static_cast<off_t>(upload.offset)) != 0)
    return;
  if (upload.offset == 0) item->digest.emplace();
  upload.expires = WallClock::from_time_t(status.st_mtime) + options_.lifetime;
  items_.emplace(upload.id, item);
}

Result<void> TusStore::write_info(const TusUpload& upload,
                                  std::optional<std::uint64_t> committed) const {
  nlohmann::ordered_json object = {{"metadata", upload.metadata}, {"concat", upload.concat}};
  if (upload.length) object["length"] = *upload.length;
  if (committed) object["committed"] = *committed;
  const std::string text =
      object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  const fs::path fresh = options_.directory / (upload.id + ".fresh");
  const UniqueFd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  int code = fd ? write_all(fd.get(), std::as_bytes(std::span(text))) : errno;
  if (code == 0 && ::rename(fresh.c_str(), info_path(upload.id).c_str()) != 0) code = errno;
  if (code != 0) return disk_error(code, "io_write", upload.id);
  return {};
}

Result<TusUpload> TusStore::create(TusUpload upload) {
  upload.id = new_id();
  upload.expires = WallClock::now() + options_.lifetime;
  if (!options_.discard) {
    if (!options_.lazy) {
      const UniqueFd fd(::open(data_path(upload.id).c_str(),
                               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
      if (!fd) return disk_error(errno, "rb_sysopen", upload.id);
    }
    TRY(write_info(upload, std::nullopt));
  }
  const auto item = std::make_shared<Item>();
  item->upload = upload;
  item->has_file = !options_.lazy;
  item->digest.emplace();
  const MutexLock lock(mutex_);
  if (std::chrono::steady_clock::now() >= next_removal_) remove_expired();
  items_.emplace(upload.id, item);
  return upload;
}

/// At most once a second: checking ten thousand uploads takes a while.
void TusStore::remove_expired() {
  next_removal_ = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  const auto now = WallClock::now();
  std::vector<std::string> expired;
  for (const auto& [id, item] : items_)
    if (!item->busy && item->upload.expires <= now) expired.push_back(id);
  for (const std::string& id : expired) {
    drop(id);
    expired_.insert(id);
  }
}

void TusStore::drop(const std::string& id) {
  const auto found = items_.find(id);
  if (found == items_.end()) return;
  found->second->deleted = true;
  items_.erase(found);
  if (options_.discard) return;
  ::unlink(info_path(id).c_str());
  ::unlink(data_path(id).c_str());
}

Result<TusStore::ItemPointer> TusStore::find_item(const std::string& id) {
  const auto found = items_.find(id);
  if (found != items_.end()) {
    const ItemPointer& item = found->second;
    if (item->busy || item->upload.expires > WallClock::now()) return item;
    drop(id);
    expired_.insert(id);
  }
  if (expired_.contains(id)) return refused(410, "Upload has expired");
  return refused(404, "Upload Not Found");
}

Result<TusUpload> TusStore::find(const std::string& id) {
  const MutexLock lock(mutex_);
  TRY_ASSIGN(const ItemPointer item, find_item(id));
  return item->upload;
}

std::uint64_t TusStore::part_size(const TusUpload& upload) const {
  if (options_.part_min == 0) return 0;
  const std::uint64_t length = upload.length.value_or(0);
  return std::max(options_.part_min, length / most_parts + (length % most_parts != 0 ? 1 : 0));
}

Result<std::unique_ptr<TusAppend>> TusStore::append(const std::string& id, std::uint64_t offset,
                                                    std::optional<std::uint64_t> length,
                                                    std::optional<TusChecksum> checksum) {
  ItemPointer item;
  TusUpload upload;
  bool lengthened = false;
  {
    const MutexLock lock(mutex_);
    TRY_ASSIGN(item, find_item(id));
    upload = item->upload;
    if (is_final(upload)) return refused(403, "Cannot modify a concatenated upload");
    if (item->busy) return refused(423, "Upload is locked by another request");
    if (upload.offset != offset)
      return refused(409, "Upload-Offset header doesn't match current offset");
    if (length) {
      if ((upload.length && upload.length != length) || *length < offset)
        return refused(400, "Invalid Upload-Length header");
      lengthened = !upload.length;
      item->upload.length = upload.length = length;
    }
    item->busy = true;
  }
  const std::uint64_t part = part_size(upload);
  const int create_flag = options_.lazy ? O_CREAT : 0;
  UniqueFd fd;
  if (!options_.discard) {
    fd = UniqueFd(
        ::open(data_path(id).c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC | create_flag, 0644));
    int code = fd ? 0 : errno;
    if (code == 0 && ::lseek(fd.get(), static_cast<off_t>(offset), SEEK_SET) < 0) code = errno;
    Result<void> written;
    if (part > 0 || checksum)
      written = write_info(upload, offset);
    else if (lengthened)
      written = write_info(upload, std::nullopt);
    if (code != 0 || !written) {
      const MutexLock lock(mutex_);
      item->busy = false;
      if (code != 0) return disk_error(code, "rb_sysopen", id);
      return std::move(written).error();
    }
  }
  {
    const MutexLock lock(mutex_);
    item->has_file = true;
  }
  return std::make_unique<TusAppend>(*this, std::move(item), std::move(fd), part,
                                     std::move(checksum));
}

Result<TusUpload> TusStore::join(const std::vector<std::string>& ids, TusUpload final) {
  std::vector<ItemPointer> parts;
  final.id = new_id();
  final.expires = WallClock::now() + options_.lifetime;
  final.length = 0;
  {
    const MutexLock lock(mutex_);
    for (const std::string& id : ids) {
      const auto found = find_item(id);
      if (!found) return refused(400, "One or more partial uploads were not found");
      const ItemPointer& part = *found;
      if (part->upload.concat != "partial")
        return refused(400, "One or more uploads were not partial");
      if (part->busy) return refused(423, "One or more partial uploads are locked");
      if (part->upload.length != part->upload.offset)
        return refused(400, "One or more partial uploads are not finished");
      *final.length += part->upload.offset;
      parts.push_back(part);
    }
    if (parts.empty()) return refused(400, "Invalid Upload-Concat header");
    if (*final.length > options_.max_size)
      return refused(400, "The sum of partial upload lengths exceed Tus-Max-Size");
    if (std::any_of(parts.begin(), parts.end() - 1, [this](const ItemPointer& part) {
          return part->upload.offset < options_.part_min;
        })) {
      return refused(500, "Your proposed upload is smaller than the minimum allowed object size.");
    }
    for (const ItemPointer& part : parts) part->busy = true;
  }
  final.offset = *final.length;
  if (options_.before_join) options_.before_join(final.offset);
  Result<void> joined;
  if (!options_.discard) joined = join_files(parts, final);

  const MutexLock lock(mutex_);
  for (const ItemPointer& part : parts) part->busy = false;
  if (!joined) return std::move(joined).error();
  const auto item = std::make_shared<Item>();
  item->upload = final;
  // Digests cannot be concatenated: the digest is known only if at most one part has bytes.
  std::vector<ItemPointer> filled;
  std::copy_if(parts.begin(), parts.end(), std::back_inserter(filled),
               [](const ItemPointer& part) { return part->upload.offset > 0; });
  if (filled.size() < 2) item->digest = filled.empty() ? Digest() : filled.front()->digest;
  items_.emplace(final.id, item);
  for (const std::string& id : ids) drop(id);
  return final;
}

/// Appends the other parts to the first one and renames it, so that a killed server leaves either
/// all parts, with the first one too long (load() truncates it), or the joined file.
Result<void> TusStore::join_files(const std::vector<ItemPointer>& parts,
                                  const TusUpload& final) const {
  const std::string& first = parts.front()->upload.id;
  const int create_flag = options_.lazy ? O_CREAT : 0;  // empty parts may have no file
  const UniqueFd to(
      ::open(data_path(first).c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC | create_flag, 0644));
  if (!to) return disk_error(errno, "rb_sysopen", first);
  const std::uint64_t begin = parts.front()->upload.offset;
  std::uint64_t end = begin;
  int code = 0;
  for (auto part = parts.begin() + 1; part != parts.end() && code == 0; ++part) {
    const TusUpload& upload = (*part)->upload;
    if (upload.offset == 0) continue;
    const UniqueFd from(::open(data_path(upload.id).c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    code = from ? copy_range(from.get(), 0, to.get(), end, upload.offset) : errno;
    end += upload.offset;
  }
  Result<void> written;
  if (code == 0) written = write_info(final, std::nullopt);
  if (code == 0 && written && ::rename(data_path(first).c_str(), data_path(final.id).c_str()) != 0)
    code = errno;
  if (code == 0 && written) return {};
  ::unlink(info_path(final.id).c_str());
  if (::ftruncate(to.get(), static_cast<off_t>(begin)) != 0)
    log_line(disk_error(errno, "rb_file_truncate", first).message);
  if (code != 0) return disk_error(code, "io_write", first);
  return written;
}

Result<void> TusStore::remove(const std::string& id) {
  const MutexLock lock(mutex_);
  TRY_ASSIGN(const ItemPointer item, find_item(id));
  if (item->busy) return refused(423, "Upload is locked by another request");
  drop(id);
  return {};
}

void TusStore::expire(const std::string& id) {
  const MutexLock lock(mutex_);
  if (!items_.contains(id)) return;
  drop(id);
  expired_.insert(id);
}

void TusStore::forget(const std::string& id) {
  const MutexLock lock(mutex_);
  drop(id);
}

Result<Registration> TusStore::register_upload(const std::string& id, Dataset& dataset,
                                               const std::string& name) {
  Dataset::Deposit deposit;
  std::optional<Digest> digest;
  {
    const MutexLock lock(mutex_);
    const auto found = find_item(id);
    if (!found || !(*found)->has_file) return refused(400, "Invalid TUS upload reference");
    const Item& item = **found;
    digest = item.digest;
    deposit.size = item.upload.offset;
    // The file of a partial upload grows when it is joined.
    deposit.share =
        !item.busy && item.upload.length == item.upload.offset && item.upload.concat != "partial";
  }
  deposit.name = name;
  if (!options_.discard) {
    deposit.file = UniqueFd(::open(data_path(id).c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!deposit.file) return disk_error(errno, "rb_sysopen", id);
    if (!digest) {
      digest.emplace();
      const int code = read_through(deposit.file.get(), deposit.size,
                                    [&](auto piece) { digest->update(piece); });
      if (code != 0) return disk_error(code, "io_read", id);
    }
  }
  if (digest) deposit.xxh128 = digest->hex();
  return dataset.deposit(deposit);
}

}  // namespace sluice::databankd
