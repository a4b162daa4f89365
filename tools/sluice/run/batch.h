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

/// What `sluice put` and `sluice run` have in common, once they know which file goes where: checks
/// the files, asks the server about each dataset, leaves out what is registered already, and
/// uploads the rest. One thread.
class Batch {
 public:
  struct Setting {
    ProtocolKind protocol = ProtocolKind::automatic;
    bool dry_run = false;
    bool restart = false;
    /// true: files that the journal has as registered are not looked up at the server. false: over
    /// the phased protocol the server is asked about each of them.
    bool believe_journal = false;
    bool largest_first = false;
  };

  /// All outlive this. `uploader`: prepared.
  Batch(const UploadOptions& options, const Setting& setting, Console& console, Uploader& uploader)
      : options_(options),
        setting_(setting),
        console_(console),
        uploader_(uploader),
        own_(files_in_use(options)) {
    work_.dry_run = setting.dry_run;
  }

  /// A dataset, with its base URL, its key, its token and the token's file. Returns its index, for
  /// WorkItem::target.
  std::size_t add_target(UploadRequest common);
  /// Adds a file. Batch determines its size.
  void add(WorkItem item) { work_.items.push_back(std::move(item)); }

  /// Uploads all files. Errors are counted by the uploader; an error of one file or dataset does
  /// not keep the others back, except with --fail-fast.
  void run();

 private:
  Report report_of(const WorkItem& item) const;
  /// Checks what can be checked without the server: the file, its size, its name.
  Result<void> check_file(WorkItem& item) const;
  /// Checks all files before anything is sent. Returns false if an error ends the run
  /// (--fail-fast).
  bool check_files();
  /// Warns of names that look the same.
  void warn_of_names();
  /// Warns of tokens that expire before all files are uploaded at the rate of the last uploads.
  void warn_of_expiry();
  std::optional<LastRate> rate_of_last(const std::string& system);
  /// Leaves out what the journal has as registered.
  void skip_registered();
  bool is_registered(const WorkItem& item);
  /// Finds out how to speak to the server of each dataset; files of those that cannot be used are
  /// done with.
  void ask_servers();
  void sort();
  /// Of a dry run: tells what would become of each file. Leaves those whose names the server is to
  /// be asked about, which upload() does.
  void plan();
  /// The names of a dataset that were begun before. Over the phased protocol they go first: to set
  /// up another file would delete what the server has of them.
  std::set<std::string> begun(const UploadRequest& target) const;
  /// Opens the journal once. Null if none exists or it cannot be read; the engine reports that.
  Journal* journal();

  const UploadOptions& options_;
  const Setting setting_;
  Console& console_;
  Uploader& uploader_;
  const OwnFiles own_;  ///< no file to upload, by whichever path
  Work work_;
  bool journal_opened_ = false;
  std::unique_ptr<Journal> journal_;
};

}  // namespace sluice::cli
