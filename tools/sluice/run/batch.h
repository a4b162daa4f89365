#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/journal/journal.h"
#include "engine/protocol/server_profile.h"
#include "tools/sluice/display/console.h"
#include "tools/sluice/run/files_in_use.h"
#include "tools/sluice/run/last_rate.h"
#include "tools/sluice/run/uploader.h"
#include "tools/sluice/run/work.h"

namespace sluice::cli {

/// The common part of `sluice put` and `sluice run`: checks the files, queries the server for each
/// dataset, skips registered files, and uploads the rest. One thread.
class Batch {
 public:
  struct Setting {
    ProtocolKind protocol = ProtocolKind::automatic;
    bool dry_run = false;
    bool restart = false;
    /// true: files that are registered according to the journal are skipped without a request.
    /// false: with the phased protocol, the server is asked about each of them.
    bool trust_journal = false;
    bool largest_first = false;
  };

  /// All arguments must outlive this object. `uploader`: prepared.
  Batch(const UploadOptions& options, const Setting& setting, Console& console, Uploader& uploader)
      : options_(options),
        setting_(setting),
        console_(console),
        uploader_(uploader),
        own_(files_in_use(options)) {
    work_.dry_run = setting.dry_run;
  }

  /// Adds a dataset: its base URL, key, token and token file. Returns its index for
  /// WorkItem::target.
  std::size_t add_target(UploadRequest common);
  /// Adds a file. Its size need not be set.
  void add(WorkItem item) { work_.items.push_back(std::move(item)); }

  /// Uploads all files. The uploader counts errors. After an error of one file or dataset,
  /// continues with the others, except with --fail-fast.
  void run();

 private:
  Report report_of(const WorkItem& item) const;
  /// Checks the file, its size and its name, without the server. Sets the size.
  Result<void> check_file(WorkItem& item) const;
  /// Checks all files before anything is sent. Returns false if an error ends the run
  /// (--fail-fast).
  bool check_files();
  /// Warns of different names that look the same.
  void warn_of_names();
  /// Warns of tokens that expire before all files are uploaded at the rate of the last uploads.
  void warn_of_expiry();
  std::optional<LastRate> rate_of_last(const std::string& system);
  /// Skips files that are registered according to the journal.
  void skip_registered();
  bool is_registered(const WorkItem& item);
  /// Queries the server of each dataset for its protocol. Removes the files of datasets that cannot
  /// be used from the work.
  void ask_servers();
  void sort_items();
  /// In a dry run: reports the plan for each file. Leaves those files in the work whose names the
  /// server can check; upload() does that.
  void plan();
  /// Returns the names of unfinished uploads into a dataset. With the phased protocol, these go
  /// first: the setup of another upload would delete their data at the server.
  std::set<std::string> unfinished_names(const UploadRequest& target) const;
  /// Opens the journal at the first call. Returns null if none exists or it cannot be read; the
  /// engine reports that.
  Journal* journal();

  const UploadOptions& options_;
  const Setting setting_;
  Console& console_;
  Uploader& uploader_;
  const OwnFiles own_;  ///< files that must not be uploaded, under any path
  Work work_;
  bool journal_opened_ = false;
  std::unique_ptr<Journal> journal_;
};

}  // namespace sluice::cli
