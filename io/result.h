#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

/// Errors as values: every function that can fail returns a Result, which must not be ignored.
/// Exceptions are for bugs only.
namespace sluice {

/// The category of an error. It determines the exit code of the command line (sluice-put(1)).
enum class ErrorKind {
  failed,           ///< any other reason (exit 1)
  usage,            ///< the caller asked for something impossible (exit 2)
  token_refused,    ///< the server does not accept the token (exit 3)
  no_such_dataset,  ///< no draft dataset with that key (exit 4)
  name_taken,       ///< the dataset has a file of that name (exit 5)
  local_file,       ///< missing, unreadable, changed, too large (exit 6)
  unreachable,      ///< the server or the network is not reachable (exit 7)
  integrity,        ///< the server's bytes differ from the local bytes (exit 8)
  unconfirmed,      ///< unknown whether the file is registered (exit 1)
  interrupted,      ///< cancelled by the caller
};

/// Returns the kind as one word for reports and logs, for example "local_file".
const char* to_string(ErrorKind kind);

struct Error {
  ErrorKind kind = ErrorKind::failed;
  /// One sentence for the user: what failed, which file, at which offset, and what to do. Contains
  /// no token, and no bytes from a server that a terminal would interpret.
  std::string message;
  /// An errno, a CURLcode or an HTTP status; 0 if there is none.
  int code = 0;
  /// Whether a retry may succeed.
  bool retryable = false;
  /// For a retryable error that is likely to persist: the maximum number of consecutive attempts,
  /// including the first; 0: as many as the caller's policy allows.
  unsigned most_tries = 0;
  /// The uploads that the error concerns.
  enum class Scope {
    file,  ///< this upload
    run,   ///< probably all uploads: no space for the journal, or on the server
  };
  Scope scope = Scope::file;
};

/// Returns an error with the message "what: strerror(code)". `what` names the file.
Error errno_error(ErrorKind kind, int code, const std::string& what);

/// A tl::expected that is [[nodiscard]].
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

/// TRY(f()) returns the error of f() from the enclosing function, or continues.
#define TRY(expression)                                                                       \
  do {                                                                                        \
    if (auto try_result_ = (expression); !try_result_) return std::move(try_result_).error(); \
  } while (false)

/// TRY_ASSIGN(auto x, f()) does the same, and assigns the value.
#define TRY_ASSIGN(declaration, expression) \
  TRY_ASSIGN_(SLUICE_CONCAT(try_result_, __LINE__), declaration, expression)
// NOLINTBEGIN(bugprone-macro-parentheses): names and declarations cannot be in parentheses
#define TRY_ASSIGN_(name, declaration, expression) \
  auto name = (expression);                        \
  if (!name) return std::move(name).error();       \
  declaration = std::move(*name)
// NOLINTEND(bugprone-macro-parentheses)
