#include "tools/sluice/commands/put.h"

#include <fmt/format.h>
#include <limits.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "engine/base/text.h"
#include "engine/protocol/deposit.h"
#include "tools/sluice/config/address.h"
#include "tools/sluice/run/batch.h"
#include "tools/sluice/run/files_in_use.h"

namespace sluice::cli {
namespace {

/// One run of `sluice put`.
class Put {
 public:
  Put(const PutOptions& options, Console& console)
      : options_(options), console_(console), uploader_(options.upload, console) {}

  int run() {
    if (Result<void> selected = select(); !selected) {
      uploader_.report().fail(selected.error());
      return uploader_.report().end(selected.error());
    }
    UploadRequest common;
    if (Result<void> prepared = prepare(common); !prepared) {
      uploader_.report().fail(prepared.error());
      for (const SelectedFile& file : selection_.files)
        uploader_.report().count_failed(file.number, report_of(file), prepared.error());
      for (const LeftOut& item : selection_.left_out)
        if (!item.asked_for)
          uploader_.report().count_failed(item.number, report_of(item), prepared.error());
    } else if (report_left_out()) {
      upload_files(std::move(common));
    }
    return uploader_.report().end();
  }

 private:
  Report report_of(const SelectedFile& file) const {
    Report report;
    report.dataset = options_.dataset;
    report.file = file.path;
    report.name = file.name;
    report.bytes = file.bytes;
    report.protocol = to_string(options_.protocol);
    return report;
  }
  Report report_of(const LeftOut& item) const {
    const std::string name = options_.select.name.empty()
                                 ? dataset_name({}, relative_path(item.path))
                                 : options_.select.name;
    return report_of(SelectedFile{.path = item.path, .name = name});
  }

  /// Whether to report each file that a filter excludes, instead of their number.
  bool reports_filtered() const {
    return options_.upload.json || options_.upload.console.verbose ||
           !options_.upload.log_json.empty();
  }

  /// Finds the files.
  Result<void> select() {
    SelectOptions select = options_.select;
    if (select.paths.empty() && select.files_from.empty())
      return Error{ErrorKind::usage,
                   "no file is given; give files or directories, or a list of them with "
                   "--files-from; see sluice put --help"};
    if (select.files_from == "-" && options_.upload.token_file == "-")
      return Error{ErrorKind::usage,
                   "--files-from and --token-file cannot both read standard input; put the token "
                   "into a file"};
    if (!options_.skip.empty()) {
      TRY_ASSIGN(select.skip, parse_skip(options_.skip));
    }
    uploader_.report().set_skip(select.skip);
    if (!options_.upload.receipts.empty()) select.names.longest = NAME_MAX - receipt_suffix.size();
    select.list_filtered = reports_filtered();
    TRY_ASSIGN(selection_, select_files(select, files_in_use(options_.upload)));
    return {};
  }

  /// Fills in the settings that all files share.
  Result<void> prepare(UploadRequest& common) {
    TRY(check_dataset_key(options_.dataset));
    common.dataset = options_.dataset;
    TRY_ASSIGN(common.base_url,
               chosen_url(options_.url, options_.system, options_.upload.insecure_http));
    TRY(uploader_.tokens().find(common, EnvironmentToken::first));
    return uploader_.prepare(selection_.files.size());
  }

  /// Reports the skipped files, each as an error unless excluded by a filter or --skip. Returns
  /// false if the first error ends the run (--fail-fast).
  bool report_left_out() {
    if (!reports_filtered()) uploader_.report().outcomes().count_left_out(selection_.filtered);
    bool ended = false;
    for (const LeftOut& item : selection_.left_out) {
      if (item.asked_for) {
        uploader_.report().file_left_out(item);
      } else if (ended) {
        uploader_.report().count_not_started(item.number, report_of(item));
      } else {
        const ErrorKind kind =
            item.reason == LeftOutReason::name ? ErrorKind::usage : ErrorKind::local_file;
        uploader_.report().fail(item.number, report_of(item),
                                {.kind = kind, .message = item.message(), .code = item.code});
        ended = options_.upload.fail_fast;
      }
    }
    selection_.left_out = {};
    if (!ended) return true;
    for (const SelectedFile& file : selection_.files)
      uploader_.report().count_not_started(file.number, report_of(file));
    console_.error("no file was uploaded");
    return false;
  }

  void upload_files(UploadRequest common) {
    // In a dry run, ask the server about individually named files only: a directory may have
    // 100,000 files.
    const bool many = options_.select.recursive || !options_.select.files_from.empty();
    Batch batch(options_.upload,
                {.protocol = options_.protocol,
                 .dry_run = options_.dry_run,
                 .restart = options_.restart,
                 .trust_journal = many},
                console_, uploader_);
    const std::size_t target = batch.add_target(std::move(common));
    for (SelectedFile& file : selection_.files)
      batch.add({.number = file.number,
                 .target = target,
                 .path = std::move(file.path),
                 .name = std::move(file.name)});
    selection_ = {};
    batch.run();
  }

  const PutOptions& options_;
  Console& console_;
  Uploader uploader_;
  Selection selection_;
};

}  // namespace

int put(const PutOptions& options) {
  Console console(options.upload.console);
  return Put(options, console).run();
}

}  // namespace sluice::cli
