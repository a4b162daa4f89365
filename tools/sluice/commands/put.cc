#include "tools/sluice/commands/put.h"

#include <fmt/format.h>
#include <limits.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "engine/deposit.h"
#include "engine/journal.h"
#include "engine/text.h"
#include "io/local_file.h"
#include "tools/sluice/commands/address.h"
#include "tools/sluice/run/uploader.h"
#include "tools/sluice/select/name_forms.h"
#include "tools/sluice/tokens/token_source.h"

namespace sluice::cli {
namespace {

std::string deposit_name(const PutOptions& options, const std::string& file) {
  return options.name.empty() ? std::filesystem::path(file).filename().string() : options.name;
}

/// What can be known of a file without the server.
Result<std::uint64_t> check_file(const PutOptions& options, const std::string& file) {
  TRY_ASSIGN(const LocalFile opened, open_local_file(file));
  const std::uint64_t size = opened.identity.size;
  TRY(check_file_size(file, size));
  const std::string name = deposit_name(options, file);
  TRY(check_deposit_name(name));
  constexpr std::size_t longest = NAME_MAX - receipt_suffix.size();
  if (!options.upload.receipts.empty() && name.size() > longest)
    return Error{ErrorKind::usage,
                 fmt::format("cannot write a receipt of '{}': the receipt's file name would be too "
                             "long; choose a --name of at most {} bytes",
                             printable(name), longest)};
  return size;
}

/// A whole run of `sluice put`.
class Put {
 public:
  Put(const PutOptions& options, Console& console)
      : options_(options), console_(console), uploader_(options.upload, console) {
    for (const std::string& file : options.files) {
      Report report;
      report.dataset = options.dataset;
      report.file = file;
      report.name = deposit_name(options, file);
      report.protocol = to_string(options.protocol);
      reports_.push_back(std::move(report));
    }
  }

  int run() {
    if (Result<void> prepared = prepare(); !prepared) {
      // Nothing can go: every file that has no error of its own shares this one.
      for (Report& report : reports_)
        if (!report.error) uploader_.fail(report, prepared.error());
      console_.error(prepared.error().message);
    } else if (check_files()) {
      warn_of_names();
      upload_files();
    }
    return uploader_.end(reports_);
  }

 private:
  /// What concerns the run as a whole.
  Result<void> prepare() {
    TRY(check_dataset_key(options_.dataset));
    if (!options_.name.empty() && options_.files.size() > 1)
      return Error{
          ErrorKind::usage,
          fmt::format("--name sets the name of one file, but {} files are given; leave out "
                      "--name, or upload the files one at a time",
                      options_.files.size())};
    TRY_ASSIGN(base_url_, chosen_url(options_.url, options_.system, options_.upload.insecure_http));
    TRY_ASSIGN(FoundToken found,
               read_token(options_.upload.token_file, options_.upload.token_file_mode));
    if (!found.warning.empty()) console_.warning(found.warning);
    token_ = std::move(found.token);
    TRY_ASSIGN(token_file_, remembered_token_file(options_.upload.token_file));
    return uploader_.prepare(options_.files.size());
  }

  /// Every file, before anything is sent.
  bool check_files() {
    std::map<std::string, std::string> names;
    bool good = true;
    for (Report& report : reports_) {
      Result<std::uint64_t> size = check_file(options_, report.file);
      if (const auto [other, fresh] = names.emplace(report.name, report.file); size && !fresh)
        size = Error{
            ErrorKind::usage,
            fmt::format("cannot upload both {} and {}: both would have the name '{}' in "
                        "the dataset; upload one of them separately, with --name",
                        printable(other->second), printable(report.file), printable(report.name))};
      if (size) {
        report.bytes = *size;
        continue;
      }
      good = false;
      uploader_.fail(report, size.error());
      console_.error(report.error->message);
    }
    if (!good && reports_.size() > 1) console_.error("no file was uploaded");
    return good;
  }

  /// Of names that differ in nothing that a person sees.
  void warn_of_names() {
    std::vector<std::string> names;
    for (const Report& report : reports_) names.push_back(report.name);
    if (std::all_of(names.begin(), names.end(), is_ascii)) return;
    std::vector<std::string> there;
    if (const auto journal = existing_journal())
      there = journal->names(base_url_, options_.dataset).value_or(there);
    for (const std::string& warning : warn_of_look_alikes(names, there, options_.dataset))
      console_.warning(warning);
  }

  /// Null where there is none, or none that can be read: whoever needs it says so.
  std::unique_ptr<Journal> existing_journal() const {
    const Result<std::string> directory = state_dir(options_.upload);
    if (!directory) return nullptr;
    auto journal = Journal::open_existing(*directory);
    return journal ? *std::move(journal) : nullptr;
  }

  void upload_files() {
    UploadRequest common;
    common.base_url = base_url_;
    common.dataset = options_.dataset;
    common.token = token_;
    common.token_file = token_file_;
    common.dry_run = options_.dry_run;
    common.restart = options_.restart;
    if (Result<void> asked = uploader_.ask_server(common, options_.protocol, options_.dry_run);
        !asked) {
      uploader_.fail(reports_.front(), asked.error());
      console_.error(reports_.front().error->message);
      uploader_.left(reports_.size() - 1);
      return;
    }
    std::vector<Uploader::Task> tasks;
    for (Report& report : reports_) {
      Uploader::Task& task = tasks.emplace_back(Uploader::Task{common, &report});
      task.request.path = report.file;
      task.request.name = report.name;
    }
    if (common.server.protocol == ProtocolKind::phased && !options_.restart && !options_.dry_run &&
        !options_.upload.no_journal)
      std::stable_partition(tasks.begin(), tasks.end(),
                            [begun = begun()](const Uploader::Task& task) {
                              return begun.contains(task.request.name);
                            });
    uploader_.upload(std::move(tasks));
  }

  /// The names that were begun before. Over the phased protocol they go first: to set up another
  /// file would delete what the server has of them.
  std::set<std::string> begun() const {
    std::set<std::string> names;
    const auto journal = existing_journal();
    if (!journal) return names;
    const Result<Journal::Listing> listing = journal->list(/*finished_too=*/false);
    if (!listing) return names;  // whoever goes on says so
    for (const JournalEntry& entry : listing->entries)
      if (entry.system == base_url_ && entry.dataset == options_.dataset) names.insert(entry.name);
    return names;
  }

  const PutOptions& options_;
  Console& console_;
  Uploader uploader_;
  std::vector<Report> reports_;
  std::string base_url_;
  Secret token_;
  std::string token_file_;  ///< absolute; empty for elsewhere
};

}  // namespace

int put(const PutOptions& options) {
  Console console(options.upload.console);
  return Put(options, console).run();
}

}  // namespace sluice::cli
