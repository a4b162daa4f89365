#include "tools/sluice/commands/resume.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "engine/base/text.h"
#include "engine/base/units.h"
#include "engine/http/base_url.h"
#include "engine/journal/journal.h"
#include "tools/sluice/display/report_text.h"
#include "tools/sluice/run/state_directory.h"
#include "tools/sluice/run/uploader.h"

namespace sluice::cli {
namespace {

std::string describe(const JournalEntry& entry) {
  return fmt::format("{} into dataset {} as '{}'", printable(entry.path), entry.dataset,
                     printable(entry.name));
}

/// Returns the datasets of the uploads, without duplicates.
std::string datasets_of(const std::vector<JournalEntry>& entries) {
  std::vector<std::string> datasets;
  for (const JournalEntry& entry : entries)
    if (std::find(datasets.begin(), datasets.end(), entry.dataset) == datasets.end())
      datasets.push_back(entry.dataset);
  return first_names(datasets);
}

bool contains(const std::string& name, const std::vector<std::string>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Returns the requested names without an unfinished upload.
std::vector<std::string> names_not_found(const std::vector<JournalEntry>& entries,
                                         std::vector<std::string> names) {
  std::erase_if(names, [&](const std::string& name) {
    return std::any_of(entries.begin(), entries.end(),
                       [&](const JournalEntry& entry) { return entry.name == name; });
  });
  return names;
}

/// Returns the selected uploads, oldest first. Error usage if the selection is ambiguous or names
/// no upload.
Result<std::vector<JournalEntry>> select_uploads(const ResumeOptions& options, Console& console) {
  TRY_ASSIGN(const std::string directory, existing_state_dir(options.upload));
  TRY_ASSIGN(const std::unique_ptr<Journal> journal, Journal::open_existing(directory));
  std::vector<JournalEntry> chosen;
  if (journal) {
    TRY_ASSIGN(Journal::Listing listing, journal->list(/*finished_too=*/false));
    for (const std::string& text : listing.unreadable) console.warning(text);
    for (JournalEntry& entry : listing.entries)
      if ((options.dataset.empty() || options.dataset == entry.dataset) &&
          (options.names.empty() || contains(entry.name, options.names)) &&
          (!options.register_again || entry.state == JournalEntry::State::verifying))
        chosen.push_back(std::move(entry));
    std::reverse(chosen.begin(), chosen.end());
  }
  const std::vector<std::string> missing = names_not_found(chosen, options.names);
  if ((chosen.empty() && !options.all) || !missing.empty()) {
    std::string which =
        options.register_again ? "upload with an unconfirmed registration" : "unfinished upload";
    if (!missing.empty()) which += fmt::format(" of '{}'", printable(missing.front()));
    if (!options.dataset.empty())
      which += fmt::format(" into dataset {}", printable(options.dataset));
    return Error{ErrorKind::usage,
                 fmt::format("cannot resume: the journal in {} has no {}; list all uploads with: "
                             "sluice status --all",
                             printable(directory), which)};
  }
  if (chosen.size() > 1 && !options.all && options.dataset.empty())
    return Error{
        ErrorKind::usage,
        fmt::format("{} uploads are unfinished (dataset {}); name a dataset, or use --all; "
                    "list the uploads with: sluice status",
                    chosen.size(), datasets_of(chosen))};
  // The user has checked one file on the dataset's page; the other files may be registered.
  if (chosen.size() > 1 && options.register_again && options.names.empty() && !options.all)
    return Error{ErrorKind::usage,
                 fmt::format("{} uploads into dataset {} may be registered; look at the dataset's "
                             "page, then give the NAMEs of the files that are missing there, or "
                             "--all if all are missing",
                             chosen.size(), options.dataset)};
  return chosen;
}

/// `alone`: there is one dataset only, so SLUICE_TOKEN must belong to it.
Result<UploadRequest> request_for(const JournalEntry& entry, const ResumeOptions& resume,
                                  bool single_dataset, Uploader& uploader) {
  const UploadOptions& options = resume.upload;
  UploadRequest request;
  TRY_ASSIGN(request.base_url, check_base_url(entry.system, options.insecure_http));
  request.dataset = entry.dataset;
  request.name = entry.name;
  request.resume_only = true;
  request.register_again = resume.register_again && entry.state == JournalEntry::State::verifying;
  request.path = entry.path;
  request.token_file = entry.token_file;
  TRY(uploader.tokens().find(request,
                             single_dataset ? EnvironmentToken::first : EnvironmentToken::ignored));
  TRY_ASSIGN(request.digests, parse_digests(entry.digests));
  return request;
}

/// Returns the initial report, from the journal.
Report report_of(const JournalEntry& entry) {
  Report report;
  report.dataset = entry.dataset;
  report.file = entry.path;
  report.name = entry.name;
  report.bytes = entry.file.size;
  report.committed = entry.committed;
  report.protocol = entry.protocol;
  return report;
}

/// Determines the server's protocol. An upload is resumed with the protocol that it was started
/// with. A tus server is asked for its extensions. With tus and binary, checks the token and the
/// dataset before data are sent; the phased protocol does so itself.
Result<void> find_server(Uploader& uploader, const JournalEntry& entry, UploadRequest& request) {
  const auto protocol = parse_protocol(entry.protocol);
  if (protocol == ProtocolKind::tus || protocol == ProtocolKind::binary)
    return uploader.ask_server(request, *protocol, /*fresh=*/false);
  request.server.protocol = protocol.value_or(ProtocolKind::automatic);
  return {};
}

}  // namespace

int resume(const ResumeOptions& options) {
  Console console(options.upload.console);
  Uploader uploader(options.upload, console);
  Result<std::vector<JournalEntry>> entries = select_uploads(options, console);
  if (!entries) {
    uploader.report().fail(entries.error());
    return uploader.report().end(entries.error());
  }
  const auto fail_all = [&](const Error& error) {
    uploader.report().fail(error);
    for (std::size_t i = 0; i < entries->size(); ++i)
      uploader.report().count_failed(i, report_of((*entries)[i]), error);
  };
  std::uint64_t block_bytes = 0;
  for (const JournalEntry& entry : *entries) block_bytes = std::max(block_bytes, entry.block_bytes);
  if (Result<void> prepared = uploader.prepare(entries->size(), block_bytes); !prepared) {
    // Report the error even without uploads to resume: the command line is wrong.
    fail_all(prepared.error());
    return uploader.report().end(entries->empty() ? std::optional<Error>(prepared.error())
                                                  : std::optional<Error>());
  }
  if (entries->empty() && !options.upload.json) console.result("no unfinished uploads\n");
  const bool single_dataset =
      std::all_of(entries->begin(), entries->end(), [&](const JournalEntry& entry) {
        return entry.system == entries->front().system && entry.dataset == entries->front().dataset;
      });
  if (!single_dataset && !options.upload.token_file.empty()) {
    fail_all(Error{
        ErrorKind::usage,
        "--token-file names the token of one dataset, but uploads into several are unfinished; "
        "name a dataset, or leave out --token-file to use the stored token of each dataset"});
    return uploader.report().end();
  }

  Work work;
  std::map<std::string, Error> unreachable;  // unreachable servers by address: each is waited for
                                             // only once
  bool interrupted = false;
  for (std::size_t i = 0; i < entries->size(); ++i) {
    const JournalEntry& entry = (*entries)[i];
    if (interrupted) {
      uploader.report().count_not_started(i, report_of(entry));
      continue;
    }
    Result<UploadRequest> request = request_for(entry, options, single_dataset, uploader);
    if (request)
      if (const auto unreachable_server = unreachable.find(request->base_url);
          unreachable_server != unreachable.end())
        request = unreachable_server->second;
    if (request)
      if (Result<void> known = find_server(uploader, entry, *request); !known) {
        if (known.error().kind == ErrorKind::unreachable)
          unreachable.emplace(request->base_url, known.error());
        request = known.error();
      }
    if (request) {
      work.items.push_back({.number = i,
                            .target = work.targets.size(),
                            .path = entry.path,
                            .name = entry.name,
                            .bytes = entry.file.size});
      work.targets.push_back({*std::move(request)});
      continue;
    }
    Error error = request.error();
    console.error(fmt::format("cannot resume {}: {}", describe(entry), printable(error.message)));
    interrupted = error.kind == ErrorKind::interrupted;
    uploader.report().count_failed(i, report_of(entry), error);
  }
  uploader.tokens().warn_of_expiry({});
  uploader.upload(std::move(work));
  return uploader.report().end();
}

}  // namespace sluice::cli
