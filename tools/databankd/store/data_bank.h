#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/result.h"
#include "tools/databankd/store/back_ends.h"
#include "tools/databankd/store/dataset.h"
#include "tools/databankd/store/join_time.h"
#include "tools/databankd/store/registry.h"
#include "tools/databankd/store/thinking.h"
#include "tools/databankd/store/tus_store.h"

namespace sluice::databankd {

/// The datasets of a server and its directory:
///
///   store/registered.jsonl   the registered files, one line each (registry.h)
///   store/KEY/NAME           the registered files
///   store/.staging/KEY/NAME  the staged files
///   store/.tus/ID            the uploads under /files (tus_store.h)
///
/// Any thread: the set of datasets never changes.
class DataBank {
 public:
  struct Options {
    std::filesystem::path store;                ///< created if missing
    std::map<std::string, std::string> tokens;  ///< dataset key → token
    /// Dataset key → the file that is checked for new tokens (DatasetToken).
    std::map<std::string, std::filesystem::path> token_files;
    std::vector<std::string> published;  ///< keys of datasets that are no longer drafts
    std::chrono::seconds token_lifetime = std::chrono::hours(72);  ///< from the start of the server
    bool discard = false;                                          ///< hash the bytes and discard
                                                                   ///< them
    bool rename = false;                 ///< register under other names (Dataset)
    std::chrono::microseconds think{0};  ///< for each chunk
    JoinTime join_time;
    unsigned back_ends = 1;
    /// The options of the uploads under /files, without directory and discard.
    TusStore::Options tus;
  };

  /// Returns whether the key is valid: letters, digits, `-` and `_`.
  static bool is_key(std::string_view key);

  /// Creates the directories and reads the state of earlier runs. Errors: usage for an invalid key
  /// or token; failed if the store cannot be written or is used by another server.
  static Result<std::unique_ptr<DataBank>> open(const Options& options);

  /// Returns the dataset with that key if it is a draft; else null. Owned by this object.
  Dataset* find_draft(std::string_view key);

  /// Returns the dataset with that token, if the token has not expired; else null. As at today's
  /// server, a token of any dataset permits tus uploads.
  Dataset* find_token(std::string_view presented);

  TusStore& tus() { return *tus_; }
  BackEnds& back_ends() { return back_ends_; }

  /// Blocks for the time of a chunk (Options::think). Concurrent calls do not wait for each other.
  void think() { thinking_.think(); }

  /// Ends all calls of think(), at the end of the server.
  void end_thinking() { thinking_.end(); }

 private:
  DataBank(std::chrono::microseconds think, unsigned back_ends)
      : back_ends_(back_ends), thinking_(think) {}

  BackEnds back_ends_;
  Thinking thinking_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<TusStore> tus_;
  std::map<std::string, std::unique_ptr<Dataset>, std::less<>> datasets_;
};

}  // namespace sluice::databankd
