#include "engine/multipart.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <cstdint>
#include <cstdlib>

namespace sluice {

Multipart::Multipart() {
  std::uint64_t random[2];
  // At most 256 bytes are never cut short by a signal (getrandom(2)); without it there is no going
  // on.
  if (getrandom(random, sizeof random, 0) != sizeof random) std::abort();
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
