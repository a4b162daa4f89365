#include "engine/protocol/multipart.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>

#include "io/unique_fd.h"

namespace sluice {
namespace {

using Random = std::array<std::uint64_t, 2>;

Random system_random() {
  Random random{};
  // A signal never shortens a read of up to 256 bytes (getrandom(2)).
  if (::getrandom(random.data(), sizeof random, 0) == sizeof random) return random;
  // Fallback for Linux before 3.17, and for sandboxes that do not allow getrandom().
  const UniqueFd file(::open("/dev/urandom", O_RDONLY | O_CLOEXEC));
  // Without random bytes no boundary is safe.
  if (::read(file.get(), random.data(), sizeof random) != sizeof random) std::abort();
  return random;
}

}  // namespace

Multipart::Multipart() {
  const Random random = system_random();
  boundary_ = fmt::format("sluice-{:016x}{:016x}", random[0], random[1]);
}

Multipart& Multipart::field(std::string_view name, std::string_view value) {
  head_ += fmt::format("--{}\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\n{}\r\n",
                       boundary_, name, value);
  return *this;
}

Multipart& Multipart::payload(std::string_view name, std::string_view filename) {
  head_ += fmt::format(
      "--{}\r\nContent-Disposition: form-data; name=\"{}\"; filename=\"{}\"\r\n"
      "Content-Type: application/octet-stream\r\n\r\n",
      boundary_, name, filename);
  has_payload_ = true;
  return *this;
}

std::string Multipart::content_type_header() const {
  return "Content-Type: multipart/form-data; boundary=" + boundary_;
}

std::string Multipart::tail() const {
  return fmt::format("{}--{}--\r\n", has_payload_ ? "\r\n" : "", boundary_);
}

}  // namespace sluice
