#include "io/result.h"

#include <fmt/format.h>

#include <system_error>

namespace sluice {

const char* to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::failed:
      return "failed";
    case ErrorKind::usage:
      return "usage";
    case ErrorKind::token_refused:
      return "token_refused";
    case ErrorKind::no_such_dataset:
      return "no_such_dataset";
    case ErrorKind::name_taken:
      return "name_taken";
    case ErrorKind::local_file:
      return "local_file";
    case ErrorKind::unreachable:
      return "unreachable";
    case ErrorKind::integrity:
      return "integrity";
    case ErrorKind::unconfirmed:
      return "unconfirmed";
    case ErrorKind::interrupted:
      return "interrupted";
  }
  return "failed";
}

Error errno_error(ErrorKind kind, int code, const std::string& what) {
  return Error{.kind = kind,
               .message = fmt::format("{}: {}", what, std::system_category().message(code)),
               .code = code};
}

}  // namespace sluice
