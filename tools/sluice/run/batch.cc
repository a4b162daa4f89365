#include "tools/sluice/run/batch.h"

#include <fmt/format.h>
#include <limits.h>

#include <algorithm>
#include <utility>

#include "engine/base/text.h"
#include "engine/base/units.h"
#include "engine/protocol/deposit.h"
#include "engine/upload/registered_before.h"
#include "engine/upload/upload_plan.h"
#include "io/local_file.h"
#include "tools/sluice/run/state_directory.h"
#include "tools/sluice/select/name_forms.h"

namespace sluice::cli {

std::size_t Batch::add_target(UploadRequest common) {
  common.dry_run = setting_.dry_run;
  common.restart = setting_.restart;
  work_.targets.push_back({std::move(common)});
  return work_.targets.size() - 1;
}

void Batch::run() {
  if (!check_files()) return;
  warn_of_names();
  if (setting_.trust_journal && !setting_.restart && !options_.no_journal && !setting_.dry_run)
    skip_registered();
  if (!work_.items.empty()) warn_of_expiry();
  ask_servers();
  sort_items();
  if (setting_.dry_run) plan();
  journal_.reset();
  if (!work_.items.empty()) uploader_.upload(std::move(work_));
}

Report Batch::report_of(const WorkItem& item) const {
  const UploadRequest& target = work_.targets[item.target].request;
  Report report;
  report.dataset = target.dataset;
  report.file = item.path;
  report.name = item.name;
  report.bytes = item.bytes;
  report.protocol = to_string(setting_.protocol);
  return report;
}

Result<void> Batch::check_file(WorkItem& item) const {
  TRY_ASSIGN(const LocalFile opened, open_local_file(item.path));
  if (own_.contains(opened.identity.device, opened.identity.inode))
    return Error{ErrorKind::local_file,
                 fmt::format("cannot upload {}: sluice itself uses the file in this run (tokens, "
                             "journal, log or checksums); leave the file out",
                             printable(item.path))};
  const std::uint64_t size = opened.identity.size;
  TRY(check_file_size(item.path, size));
  TRY(check_deposit_name(item.name));
  constexpr std::size_t longest = NAME_MAX - receipt_suffix.size();
  if (!options_.receipts.empty() && item.name.size() > longest)
    return Error{ErrorKind::usage,
                 fmt::format("cannot write a receipt of '{}': the receipt's file name would be too "
                             "long; choose a --name of at most {} bytes",
                             printable(item.name), longest)};
  item.bytes = size;
  if (item.expected && item.expected->bytes && *item.expected->bytes != size)
    return Error{ErrorKind::integrity,
                 fmt::format("cannot upload {}: the file has {} bytes, and the manifest says {}; "
                             "correct the file or the manifest",
                             printable(item.path), size, *item.expected->bytes)};
  return {};
}

bool Batch::check_files() {
  bool ended = false;
  std::erase_if(work_.items, [&](WorkItem& item) {
    if (ended) return false;
    const Result<void> checked = check_file(item);
    if (checked) return false;
    uploader_.report().fail(item.number, report_of(item), checked.error());
    ended = options_.fail_fast;
    return true;
  });
  if (!ended) return true;
  for (const WorkItem& item : work_.items)
    uploader_.report().count_not_started(item.number, report_of(item));
  console_.error("no file was uploaded");
  return false;
}

void Batch::warn_of_names() {
  for (std::size_t target = 0; target < work_.targets.size(); ++target) {
    std::vector<std::string> names;
    for (const WorkItem& item : work_.items)
      if (item.target == target) names.push_back(item.name);
    if (std::all_of(names.begin(), names.end(), is_ascii)) continue;
    const UploadRequest& request = work_.targets[target].request;
    std::vector<std::string> names_in_dataset;
    if (Journal* const open_journal = journal())
      names_in_dataset =
          open_journal->names(request.base_url, request.dataset).value_or(names_in_dataset);
    for (const std::string& warning : warn_of_look_alikes(names, names_in_dataset, request.dataset))
      console_.warning(warning);
  }
}

void Batch::warn_of_expiry() {
  std::optional<double> seconds;
  if (const auto rate = rate_of_last(work_.targets.front().request.base_url)) {
    std::uint64_t bytes = 0;
    for (const WorkItem& item : work_.items) bytes += item.bytes;
    seconds = rate->seconds_for(bytes);
  }
  uploader_.tokens().warn_of_expiry(seconds);
}

std::optional<LastRate> Batch::rate_of_last(const std::string& system) {
  constexpr std::size_t uploads = 1000;
  Journal* const open_journal = options_.no_journal ? nullptr : journal();
  if (open_journal == nullptr) return {};
  const auto last = open_journal->last_registered(system, uploads);
  return last ? last_rate(*last) : std::nullopt;
}

Journal* Batch::journal() {
  if (!std::exchange(journal_opened_, true)) {
    const Result<std::string> directory = state_dir(options_);
    if (!directory) return nullptr;
    if (auto journal = Journal::open_existing(*directory)) journal_ = *std::move(journal);
  }
  return journal_.get();
}

bool Batch::is_registered(const WorkItem& item) {
  UploadRequest request = work_.targets[item.target].request;
  request.path = item.path;
  request.name = item.name;
  const auto unfinished = journal_->find(request.base_url, request.dataset, request.name);
  if (!unfinished || *unfinished) return false;
  const auto entry = journal_->find_registered(request.base_url, request.dataset, request.name);
  if (!entry || !*entry) return false;
  const Result<FileIdentity> file = identity_at(item.path);
  if (!file || !is_same_file(**entry, request, *file)) return false;
  if (item.expected) request.expected = item.expected->digests;
  if (lacks_digests(**entry, request)) return false;  // the engine computes them
  Report report = report_before(request, **entry);
  if (item.expected) check_registered_digests(item.expected->digests, report);
  uploader_.report().registered_before(item.number, std::move(report));
  return true;
}

void Batch::skip_registered() {
  if (journal() == nullptr) return;
  std::erase_if(work_.items, [&](const WorkItem& item) { return is_registered(item); });
}

void Batch::ask_servers() {
  std::vector<std::vector<const WorkItem*>> items(work_.targets.size());
  for (const WorkItem& item : work_.items) items[item.target].push_back(&item);
  std::vector<bool> unusable(work_.targets.size());
  bool ended = false;
  for (std::size_t target = 0; target < work_.targets.size(); ++target) {
    const auto& dataset_items = items[target];
    if (dataset_items.empty()) continue;
    Result<void> asked;
    if (!ended)
      asked = uploader_.ask_server(work_.targets[target].request, setting_.protocol,
                                   /*fresh=*/setting_.dry_run);
    if (!ended && asked) continue;
    unusable[target] = true;
    std::size_t left = dataset_items.size();
    if (!ended) {
      uploader_.report().fail(dataset_items.front()->number, report_of(*dataset_items.front()),
                              asked.error());
      ended = options_.fail_fast || asked.error().kind == ErrorKind::interrupted ||
              asked.error().kind == ErrorKind::unreachable;
      --left;
    }
    for (std::size_t i = dataset_items.size() - left; i < dataset_items.size(); ++i)
      uploader_.report().count_not_started(dataset_items[i]->number, report_of(*dataset_items[i]));
    uploader_.report().report_not_started(left);
  }
  if (ended)
    for (std::size_t target = 0; target < work_.targets.size(); ++target) {
      if (unusable[target]) continue;
      for (const WorkItem* item : items[target])
        uploader_.report().count_not_started(item->number, report_of(*item));
      uploader_.report().report_not_started(items[target].size());
      unusable[target] = true;
    }
  std::erase_if(work_.items, [&](const WorkItem& item) { return unusable[item.target]; });
}

void Batch::sort_items() {
  journal();
  if (setting_.largest_first)
    std::stable_sort(
        work_.items.begin(), work_.items.end(),
        [](const WorkItem& one, const WorkItem& other) { return one.bytes > other.bytes; });
  if (setting_.restart || setting_.dry_run || options_.no_journal) return;
  for (std::size_t target = 0; target < work_.targets.size(); ++target) {
    const UploadRequest& request = work_.targets[target].request;
    if (request.server.protocol != ProtocolKind::phased) continue;
    const std::set<std::string> unfinished = unfinished_names(request);
    std::stable_partition(work_.items.begin(), work_.items.end(), [&](const WorkItem& item) {
      return item.target == target && unfinished.contains(item.name);
    });
  }
}

void Batch::plan() {
  constexpr std::size_t most_questions = 1000;  // each is a request
  Journal* const open_journal = options_.no_journal ? nullptr : journal();
  const std::uint64_t block_bytes = parse_size(options_.block).value_or(0);
  std::vector<std::set<std::string>> names(work_.targets.size());
  for (std::size_t target = 0; open_journal != nullptr && target < names.size(); ++target) {
    const UploadRequest& request = work_.targets[target].request;
    const auto in_journal = open_journal->names(request.base_url, request.dataset);
    if (in_journal) names[target] = {in_journal->begin(), in_journal->end()};
    uploader_.report().set_last_rate(rate_of_last(request.base_url));
  }
  std::size_t questions = 0;
  std::erase_if(work_.items, [&](const WorkItem& item) {
    UploadRequest request = work_.targets[item.target].request;
    const ProtocolKind kind = request.server.protocol;
    Result<UploadPlan> plan = UploadPlan();
    if (names[item.target].contains(item.name)) {
      request.path = item.path;
      request.name = item.name;
      request.verify_prefix = options_.verify_prefix;
      if (item.expected) request.expected = item.expected->digests;
      const Result<FileIdentity> file = identity_at(item.path);
      plan = file ? plan_upload(*open_journal, request, kind, *file, block_bytes)
                  : Result<UploadPlan>(file.error());
    }
    if (!plan) {
      uploader_.report().fail(item.number, report_of(item), plan.error());
      return true;
    }
    const bool ask = kind == ProtocolKind::phased && plan->action == UploadPlan::Action::upload;
    if (ask && ++questions <= most_questions) return false;
    uploader_.report().file_planned(item.number, report_of(item), *plan, request.server,
                                    ask ? NameState::unchecked : NameState::unknown);
    return true;
  });
}

std::set<std::string> Batch::unfinished_names(const UploadRequest& target) const {
  std::set<std::string> names;
  if (!journal_) return names;
  const Result<Journal::Listing> listing = journal_->list(/*finished_too=*/false);
  if (!listing) return names;  // resuming reports the error
  for (const JournalEntry& entry : listing->entries)
    if (entry.system == target.base_url && entry.dataset == target.dataset)
      names.insert(entry.name);
  return names;
}

}  // namespace sluice::cli
