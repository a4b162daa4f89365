#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/secret.h"
#include "io/result.h"
#include "tools/sluice/tokens/token_expiry.h"

namespace sluice::cli {

/// A token in the store: all but the token itself.
struct StoredToken {
  std::string system;   ///< base URL, as check_base_url() returns it
  std::string dataset;  ///< key
  std::string file;     ///< absolute path; holds the token in one line
  WallTime added;       ///< when the file was last written
};

/// The tokens that `sluice token` keeps: a directory of mode 0700 with a file of mode 0600 for each
/// dataset of each Data Bank. A file holds the token alone, and may be given as --token-file.
///
/// Several processes may use one store at once: a token is replaced in one step. Thread safe.
class TokenStore {
 public:
  /// `directory`: absolute, or empty for none, which every call that needs one reports.
  explicit TokenStore(std::string directory) : directory_(std::move(directory)) {}

  /// $XDG_CONFIG_HOME/sluice/tokens if that is an absolute path, else
  /// $HOME/.config/sluice/tokens, else empty. Reads the environment: not while another thread
  /// changes it.
  static std::string default_directory();

  /// The path of that dataset's file, whether or not it is there; empty without a directory.
  std::string file_of(const std::string& system, const std::string& dataset) const;

  /// Stores a token in place of the one that may be there, and makes the directory. Returns a
  /// warning about who else can read the file: empty for none. Errors: usage, no directory, or an
  /// address too long for a file's name; local_file, the directory or the file cannot be written,
  /// or other users can access it.
  Result<std::string> add(const std::string& system, const std::string& dataset,
                          const Secret& token) const;
  /// Deletes it; false if there was none. Error local_file.
  Result<bool> remove(const std::string& system, const std::string& dataset) const;

  /// All, by dataset and system. Files with other names are not looked at. Error local_file: the
  /// directory is there and cannot be read.
  Result<std::vector<StoredToken>> list() const;
  /// That dataset's; nothing if there is none. A file that cannot be looked at counts as there:
  /// reading it reports why.
  std::optional<StoredToken> find(const std::string& system, const std::string& dataset) const;

 private:
  Result<void> make_directory() const;

  const std::string directory_;
};

/// The name of a token's file: "IDB-1234567@databank.illinois.edu", and "http+" in front of the
/// host where the address is not https. Characters that could mean something else are %XX. Pure.
std::string token_file_name(const std::string& system, const std::string& dataset);
/// The address and the dataset of such a name; nothing for any other name. Pure.
struct TokenFileName {
  std::string system;
  std::string dataset;
};
std::optional<TokenFileName> parse_token_file_name(std::string_view name);

}  // namespace sluice::cli
