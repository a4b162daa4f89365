#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

/// Errors as values: every function that can fail returns a Result, and a Result cannot be dropped.
/// Exceptions are for bugs only.
namespace sluice {

/// What kind of trouble it is. The kind decides the exit code of the command line (sluice-put(1)).
enum class ErrorKind {
  failed,           ///< any other reason (exit 1)
  usage,            ///< the caller asked for something impossible (exit 2)
  token_refused,    ///< the server does not accept the token (exit 3)
  no_such_dataset,  ///< no draft dataset with that key (exit 4)
  name_taken,       ///< the dataset has a file of that name (exit 5)
  local_file,       ///< missing, unreadable, changed, too large (exit 6)
  unreachable,      ///< server or network (exit 7)
  integrity,        ///< the bytes there are not the bytes here (exit 8)
  unconfirmed,      ///< nobody knows whether it is registered (exit 1)
  interrupted,      ///< cancelled by the caller
};

/// The kind as one word, as reports and logs write it: "local_file" and so on.
const char* to_string(ErrorKind kind);

struct Error {
  ErrorKind kind = ErrorKind::failed;
  /// One sentence for the person who ran it: what happened, to which file at which offset, and what
  /// to do. Never holds a token, and never a byte from a server that a terminal would act on.
  std::string message;
  /// Where it came from: an errno, a CURLcode or an HTTP status; 0 where there is none.
  int code = 0;
  /// Whether the same thing tried again, later, could succeed.
  bool retryable = false;
  /// Of a retryable error that is likely to last: how many tries in a row it is worth, the first
  /// one included; 0: as many as the caller's policy allows.
  unsigned most_tries = 0;
  /// Which uploads the trouble concerns.
  enum class Scope {
    file,  ///< this one
    run,   ///< probably each one now: no room for the journal, or for files at the server
  };
  Scope scope = Scope::file;
};

/// "what: strerror(code)" as an Error of that kind with that code. `what` names the file.
Error errno_error(ErrorKind kind, int code, const std::string& what);

/// tl::expected that the compiler does not let anybody ignore.
template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
  Result() = default;
  Result(Error error) : tl::expected<T, Error>(tl::unexpect, std::move(error)) {}
};

}  // namespace sluice

#define SLUICE_CONCAT_(a, b) a##b
#define SLUICE_CONCAT(a, b) SLUICE_CONCAT_(a, b)

/// TRY(f()) returns f()'s error from the enclosing function, or goes on.
#define TRY(expression)                                                                       \
  do {                                                                                        \
    if (auto try_result_ = (expression); !try_result_) return std::move(try_result_).error(); \
  } while (false)

/// TRY_ASSIGN(auto x, f()) does the same and keeps the value.
#define TRY_ASSIGN(declaration, expression) \
  TRY_ASSIGN_(SLUICE_CONCAT(try_result_, __LINE__), declaration, expression)
// NOLINTBEGIN(bugprone-macro-parentheses): neither a name that is declared nor a declaration can be
// in parentheses
#define TRY_ASSIGN_(name, declaration, expression) \
  auto name = (expression);                        \
  if (!name) return std::move(name).error();       \
  declaration = std::move(*name)
// NOLINTEND(bugprone-macro-parentheses)
