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

/// The datasets of the uploads, each once.
std::string datasets_of(const std::vector<JournalEntry>& entries) {
  std::vector<std::string> datasets;
  for (const JournalEntry& entry : entries)
    if (std::find(datasets.begin(), datasets.end(), entry.dataset) == datasets.end())
      datasets.push_back(entry.dataset);
  return first_names(datasets);
}

bool is_one_of(const std::string& name, const std::vector<std::string>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// The names of which there is no upload.
std::vector<std::string> names_without(const std::vector<JournalEntry>& entries,
                                       std::vector<std::string> names) {
  std::erase_if(names, [&](const std::string& name) {
    return std::any_of(entries.begin(), entries.end(),
                       [&](const JournalEntry& entry) { return entry.name == name; });
  });
  return names;
}

/// The uploads that are meant, oldest first. Error usage where that is not clear.
Result<std::vector<JournalEntry>> choose(const ResumeOptions& options, Console& console) {
  TRY_ASSIGN(const std::string directory, existing_state_dir(options.upload));
  TRY_ASSIGN(const std::unique_ptr<Journal> journal, Journal::open_existing(directory));
  std::vector<JournalEntry> chosen;
  if (journal) {
    TRY_ASSIGN(Journal::Listing listing, journal->list(/*finished_too=*/false));
    for (const std::string& text : listing.unreadable) console.warning(text);
    for (JournalEntry& entry : listing.entries)
      if ((options.dataset.empty() || options.dataset == entry.dataset) &&
          (options.names.empty() || is_one_of(entry.name, options.names)) &&
          (!options.register_again || entry.state == JournalEntry::State::verifying))
        chosen.push_back(std::move(entry));
    std::reverse(chosen.begin(), chosen.end());
  }
  const std::vector<std::string> missing = names_without(chosen, options.names);
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
  // The user has looked for one file on the dataset's page; the other files may be registered.
  if (chosen.size() > 1 && options.register_again && options.names.empty() && !options.all)
    return Error{ErrorKind::usage,
                 fmt::format("{} uploads into dataset {} may be registered; look at the dataset's "
                             "page, then give the NAMEs of the files that are missing there, or "
                             "--all if all are missing",
                             chosen.size(), options.dataset)};
  return chosen;
}

/// `alone`: there is but one dataset, so that SLUICE_TOKEN can only be its own.
Result<UploadRequest> request_for(const JournalEntry& entry, const ResumeOptions& resume,
                                  bool alone, Uploader& uploader) {
  const UploadOptions& options = resume.upload;
  UploadRequest request;
  TRY_ASSIGN(request.base_url, check_base_url(entry.system, options.insecure_http));
  request.dataset = entry.dataset;
  request.name = entry.name;
  request.resume_only = true;
  request.register_again = resume.register_again && entry.state == JournalEntry::State::verifying;
  request.path = entry.path;
  request.token_file = entry.token_file;
  TRY(uploader.find_token(request, alone ? EnvironmentToken::first : EnvironmentToken::ignored));
  TRY_ASSIGN(request.digests, parse_digests(entry.digests));
  return request;
}

/// What is known of it before it is resumed.
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

/// An upload is resumed over the protocol that it was started with. A tus server has to say which
/// extensions it has. Over tus and binary, the token and the dataset are checked before anything is
/// sent; the phased protocol begins with that.
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
  Result<std::vector<JournalEntry>> entries = choose(options, console);
  if (!entries) {
    uploader.fail(entries.error());
    return uploader.end(entries.error());
  }
  const auto fail_all = [&](const Error& error) {
    uploader.fail(error);
    for (std::size_t i = 0; i < entries->size(); ++i)
      uploader.count_failed(i, report_of((*entries)[i]), error);
  };
  std::uint64_t block_bytes = 0;
  for (const JournalEntry& entry : *entries) block_bytes = std::max(block_bytes, entry.block_bytes);
  if (Result<void> prepared = uploader.prepare(entries->size(), block_bytes); !prepared) {
    // There may be nothing to resume, and the command line is wrong all the same.
    fail_all(prepared.error());
    return uploader.end(entries->empty() ? std::optional<Error>(prepared.error())
                                         : std::optional<Error>());
  }
  if (entries->empty() && !options.upload.json) console.result("no unfinished uploads\n");
  const bool alone = std::all_of(entries->begin(), entries->end(), [&](const JournalEntry& entry) {
    return entry.system == entries->front().system && entry.dataset == entries->front().dataset;
  });
  if (!alone && !options.upload.token_file.empty()) {
    fail_all(Error{
        ErrorKind::usage,
        "--token-file names the token of one dataset, but uploads into several are unfinished; "
        "name a dataset, or leave out --token-file to use the stored token of each dataset"});
    return uploader.end();
  }

  Work work;
  std::map<std::string, Error> away;  // servers, by their address: each is waited for once
  bool interrupted = false;
  for (std::size_t i = 0; i < entries->size(); ++i) {
    const JournalEntry& entry = (*entries)[i];
    if (interrupted) {
      uploader.leave(i, report_of(entry));
      continue;
    }
    Result<UploadRequest> request = request_for(entry, options, alone, uploader);
    if (request)
      if (const auto known_away = away.find(request->base_url); known_away != away.end())
        request = known_away->second;
    if (request)
      if (Result<void> known = find_server(uploader, entry, *request); !known) {
        if (known.error().kind == ErrorKind::unreachable)
          away.emplace(request->base_url, known.error());
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
    uploader.count_failed(i, report_of(entry), error);
  }
  uploader.warn_of_expiry({});
  uploader.upload(std::move(work));
  return uploader.end();
}

}  // namespace sluice::cli
