#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/secret.h"
#include "io/result.h"
#include "tools/sluice/tokens/token_expiry.h"

namespace sluice::cli {

/// A token in the store, without the token itself.
struct StoredToken {
  std::string system;   ///< base URL, as returned by check_base_url()
  std::string dataset;  ///< key
  std::string file;     ///< absolute path; contains the token in one line
  WallTime added;       ///< when the file was last written
};

/// The token store of `sluice token`: a directory of mode 0700 with a file of mode 0600 for each
/// dataset of each Data Bank. A file contains only the token, and may be given as --token-file.
///
/// Several processes may use a store at once: tokens are replaced atomically. Any thread.
class TokenStore {
 public:
  /// `directory`: absolute; or empty if there is none, which calls that need one report.
  explicit TokenStore(std::string directory) : directory_(std::move(directory)) {}

  /// Returns $XDG_CONFIG_HOME/sluice/tokens if that is an absolute path, else
  /// $HOME/.config/sluice/tokens, else an empty text. Reads the environment: no other thread may
  /// change it meanwhile.
  static std::string default_directory();

  /// Returns the path of a dataset's file, which need not exist; empty without a directory.
  std::string file_of(const std::string& system, const std::string& dataset) const;

  /// Stores or replaces a token, and creates the directory. Returns a warning about other users who
  /// can read the file; may be empty. Errors: usage, no directory, or the address is too long for a
  /// file name; local_file, the directory or the file cannot be written, or other users can access
  /// it.
  Result<std::string> add(const std::string& system, const std::string& dataset,
                          const Secret& token) const;
  /// Deletes a token. Returns false if there was none. Error local_file.
  Result<bool> remove(const std::string& system, const std::string& dataset) const;

  /// Returns all tokens, sorted by dataset and system. Ignores files with other names. Error
  /// local_file: the directory exists and cannot be read.
  Result<std::vector<StoredToken>> list() const;
  /// Returns the token of a dataset; nullopt if there is none. A file that is not accessible counts
  /// as existing: reading it reports the error.
  std::optional<StoredToken> find(const std::string& system, const std::string& dataset) const;

 private:
  Result<void> make_directory() const;

  const std::string directory_;
};

/// Returns the name of a token's file: "IDB-1234567@databank.illinois.edu", with "http+" before the
/// host if the address is not https. Special characters are encoded as %XX. Pure.
std::string token_file_name(const std::string& system, const std::string& dataset);
/// Parses such a name; nullopt for other names. Pure.
struct TokenFileName {
  std::string system;
  std::string dataset;
};
std::optional<TokenFileName> parse_token_file_name(std::string_view name);

}  // namespace sluice::cli
