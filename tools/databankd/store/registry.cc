#include "tools/databankd/store/registry.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>

#include "tools/databankd/base/files.h"

namespace sluice::databankd {
namespace {

Error cannot(const char* what, const std::string& path, int code) {
  return Error{
      .kind = ErrorKind::failed,
      .message = fmt::format("cannot {} {}: {}", what, path, std::system_category().message(code)),
      .code = code};
}

}  // namespace

Result<std::unique_ptr<Registry>> Registry::open(const std::filesystem::path& file) {
  const std::string path = file.string();
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0644));
  if (!fd) return cannot("write", path, errno);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      return Error{.kind = ErrorKind::failed,
                   .message = fmt::format("cannot open {}: another databankd uses this "
                                          "store (the file is locked)",
                                          path),
                   .code = EWOULDBLOCK};
    }
    return cannot("lock", path, errno);
  }

  std::unique_ptr<Registry> registry(new Registry(path, std::move(fd)));
  const MutexLock lock(registry->mutex_);
  std::ifstream lines(path);
  std::string line;
  bool incomplete = false;
  while (std::getline(lines, line)) {
    incomplete = lines.eof();  // no newline at the end
    const auto object = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!object.is_object()) continue;
    const auto dataset = object.find("dataset");
    const auto name = object.find("name");
    if (dataset == object.end() || name == object.end() || !dataset->is_string() ||
        !name->is_string())
      continue;
    registry->names_.emplace(dataset->get<std::string>(), name->get<std::string>());
  }
  if (incomplete) {
    const char newline = '\n';
    if (const int code = write_all(registry->fd_.get(), std::as_bytes(std::span(&newline, 1))))
      return cannot("write", path, code);
  }
  return registry;
}

bool Registry::has(const std::string& dataset, const std::string& name) const {
  const MutexLock lock(mutex_);
  return names_.contains({dataset, name});
}

Result<void> Registry::add(const Registration& registration) {
  nlohmann::ordered_json object = {
      {"dataset", registration.dataset}, {"name", registration.name}, {"size", registration.size}};
  if (!registration.xxh128.empty()) object["xxh128"] = registration.xxh128;
  const std::string line = object.dump() + "\n";
  const MutexLock lock(mutex_);
  struct stat before {};
  if (::fstat(fd_.get(), &before) != 0) return cannot("write", path_, errno);
  int code = write_all(fd_.get(), std::as_bytes(std::span(line)));
  if (code == 0 && ::fdatasync(fd_.get()) != 0) code = errno;
  if (code != 0) {
    // Remove an incomplete line, which would corrupt the next one. If this fails, open() repairs
    // the file.
    if (::ftruncate(fd_.get(), before.st_size) != 0) return cannot("write", path_, errno);
    return cannot("write", path_, code);
  }
  names_.emplace(registration.dataset, registration.name);
  return {};
}

}  // namespace sluice::databankd
