#include "engine/http/messages.h"

#include <fmt/format.h>

namespace sluice {

const char* to_string(Request::Method method) {
  switch (method) {
    case Request::Method::post:
      return "POST";
    case Request::Method::patch:
      return "PATCH";
    case Request::Method::head:
      return "HEAD";
    case Request::Method::options:
      return "OPTIONS";
    case Request::Method::del:
      return "DELETE";
  }
  return "?";
}

namespace {

/// Returns the action of `step` on `file`, for messages.
std::string describe_step(Request::Step step, std::string_view file) {
  switch (step) {
    case Request::Step::ask_name:
      return fmt::format("checking the name of {}", file);
    case Request::Step::begin:
      return fmt::format("starting the upload of {}", file);
    case Request::Step::chunk:
      return fmt::format("sending a chunk of {}", file);
    case Request::Step::ask_committed:
      return fmt::format("asking for the upload offset of {}", file);
    case Request::Step::ask_parts:
      return fmt::format("checking the parts of {}", file);
    case Request::Step::join:
      return fmt::format("joining the parts of {}", file);
    case Request::Step::finish:
      return fmt::format("registering {}", file);
    case Request::Step::whole:
      return fmt::format("uploading {} in one request", file);
  }
  return fmt::format("uploading {}", file);
}

}  // namespace

std::string describe(Request::Step step, std::string_view file, std::optional<std::uint64_t> offset,
                     std::optional<Request::Method> method) {
  std::string text = describe_step(step, file);
  if (offset) text += fmt::format(" at offset {}", *offset);
  if (method) text += fmt::format(" ({})", to_string(*method));
  return text;
}

}  // namespace sluice
