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
Result<std::uint64_t> check_file(const PutOptions& options, const WorkItem& item) {
  TRY_ASSIGN(const LocalFile opened, open_local_file(item.path));
  const std::uint64_t size = opened.identity.size;
  TRY(check_file_size(item.path, size));
  const std::string& name = item.name;
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
    work_.dry_run = options.dry_run;
    for (const std::string& file : options.files)
      work_.items.push_back(
          {.number = work_.items.size(), .path = file, .name = deposit_name(options, file)});
  }

  int run() {
    if (Result<void> prepared = prepare(); !prepared) {
      uploader_.fail(prepared.error());
      for (const WorkItem& item : work_.items)
        uploader_.count_failed(item.number, report_of(item), prepared.error());
    } else if (check_names()) {
      check_files();
      warn_of_names();
      if (!work_.items.empty()) upload_files();
    }
    return uploader_.end();
  }

 private:
  Report report_of(const WorkItem& item) const {
    Report report;
    report.dataset = options_.dataset;
    report.file = item.path;
    report.name = item.name;
    report.bytes = item.bytes;
    report.protocol = to_string(options_.protocol);
    return report;
  }

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

  /// Two files of one name stop all: which of them is meant, only the user can say.
  bool check_names() {
    std::map<std::string, const WorkItem*> names;
    std::vector<bool> bad(work_.items.size());
    for (const WorkItem& item : work_.items) {
      const auto [other, fresh] = names.emplace(item.name, &item);
      if (fresh) continue;
      bad[item.number] = true;
      uploader_.fail(
          item.number, report_of(item),
          Error{ErrorKind::usage,
                fmt::format("cannot upload both {} and {}: both would have the name '{}' in "
                            "the dataset; upload one of them separately, with --name",
                            printable(other->second->path), printable(item.path),
                            printable(item.name))});
    }
    if (std::find(bad.begin(), bad.end(), true) == bad.end()) return true;
    for (const WorkItem& item : work_.items)
      if (!bad[item.number]) uploader_.leave(item.number, report_of(item));
    console_.error("no file was uploaded");
    return false;
  }

  /// Every file, before anything is sent; those that cannot be uploaded do not keep the others
  /// back.
  void check_files() {
    bool ended = false;
    std::erase_if(work_.items, [&](WorkItem& item) {
      if (ended) {
        uploader_.leave(item.number, report_of(item));
        return true;
      }
      const Result<std::uint64_t> size = check_file(options_, item);
      if (size) {
        item.bytes = *size;
        return false;
      }
      uploader_.fail(item.number, report_of(item), size.error());
      ended = options_.upload.fail_fast;
      return true;
    });
    if (!ended) return;
    for (const WorkItem& item : work_.items) uploader_.leave(item.number, report_of(item));
    work_.items.clear();
    console_.error("no file was uploaded");
  }

  /// Of names that differ in nothing that a person sees.
  void warn_of_names() {
    std::vector<std::string> names;
    for (const WorkItem& item : work_.items) names.push_back(item.name);
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
      const WorkItem& first = work_.items.front();
      uploader_.fail(first.number, report_of(first), asked.error());
      for (std::size_t i = 1; i < work_.items.size(); ++i)
        uploader_.leave(work_.items[i].number, report_of(work_.items[i]));
      uploader_.say_left(work_.items.size() - 1);
      return;
    }
    if (common.server.protocol == ProtocolKind::phased && !options_.restart && !options_.dry_run &&
        !options_.upload.no_journal)
      std::stable_partition(
          work_.items.begin(), work_.items.end(),
          [begun = begun()](const WorkItem& item) { return begun.contains(item.name); });
    work_.targets.push_back({std::move(common)});
    uploader_.upload(std::move(work_));
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
  Work work_;
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
