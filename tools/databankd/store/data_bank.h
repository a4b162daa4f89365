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

/// The datasets of one server and the directory that holds them:
///
///   store/registered.jsonl   what has been registered, a line each (registry.h)
///   store/KEY/NAME           the registered files
///   store/.staging/KEY/NAME  the staged ones
///   store/.tus/ID            the uploads under /files (tus_store.h)
///
/// Thread safe: the set of datasets never changes.
class DataBank {
 public:
  struct Options {
    std::filesystem::path store;                ///< made if need be
    std::map<std::string, std::string> tokens;  ///< dataset key → token
    /// Dataset key → the file in which a new token for it may appear (DatasetToken).
    std::map<std::string, std::filesystem::path> token_files;
    std::vector<std::string> published;  ///< keys of datasets that are no longer drafts
    std::chrono::seconds token_lifetime = std::chrono::hours(72);  ///< from now on
    bool discard = false;                                          ///< hash the bytes and drop them
    bool rename = false;                 ///< register under other names (Dataset)
    std::chrono::microseconds think{0};  ///< about each chunk
    JoinTime join_time;
    unsigned back_ends = 1;
    /// Of the uploads under /files, but its directory and whether it discards.
    TusStore::Options tus;
  };

  /// Whether such a dataset key can exist: letters, digits, `-` and `_`.
  static bool is_key(std::string_view key);

  /// Makes the directories and reads what earlier runs left there. Error usage for a key or token
  /// that cannot be; failed for a store that cannot be written or that another server uses.
  static Result<std::unique_ptr<DataBank>> open(const Options& options);

  /// The dataset with that key, if it is a draft; else null. Lives as long as this.
  Dataset* find_draft(std::string_view key);

  /// The dataset whose token that is, if it has not expired; else null. The same for all of today's
  /// server: whoever has the token of any dataset may upload.
  Dataset* find_token(std::string_view presented);

  TusStore& tus() { return *tus_; }
  BackEnds& back_ends() { return back_ends_; }

  /// As long as a chunk takes (Options::think). Whoever thinks at the same time does not wait.
  void think() { thinking_.think(); }

  /// Lets go of all that are thinking, for the server to end.
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
