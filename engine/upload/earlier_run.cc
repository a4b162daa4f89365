#include "engine/upload/earlier_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "engine/base/text.h"
#include "engine/base/units.h"
#include "engine/protocol/tus_location.h"
#include "engine/upload/registered_before.h"
#include "io/local_file.h"

namespace sluice {
namespace {

/// Returns whether the current file can be the file of the entry, so that its bytes can be compared
/// with the bytes sent. A different modification time alone proves nothing: network file systems
/// round times, and programs set them. Device numbers are not compared: they differ between the
/// nodes of a cluster.
bool may_be_same(const FileIdentity& then, const FileIdentity& now) {
  return now.size == then.size && (now.modified == then.modified || now.inode == then.inode);
}

/// Returns the error for a file that cannot be the file of the entry.
Error not_the_same(const JournalEntry& entry, const FileFacts& file) {
  const FileIdentity& then = entry.file;
  const FileIdentity& now = file.identity;
  const bool registering = entry.state == JournalEntry::State::verifying;
  const std::string change =
      now.size != then.size
          ? fmt::format("the file had {} bytes when its upload began, and has {} bytes now",
                        then.size, now.size)
          : fmt::format("another file, modified at {}, has replaced the file modified at {}",
                        utc_time(now.modified), utc_time(then.modified));
  return Error{
      ErrorKind::local_file,
      fmt::format(
          "cannot resume {} at offset {}: {}; {}{}", printable(file.path), entry.committed, change,
          now.size != then.size
              ? ""
              : "to compare the file with the bytes sent, and resume if they are equal, use "
                "--verify-prefix; ",
          registering
              ? fmt::format("the earlier content may be registered: look at {}/datasets/{}, and "
                            "discard this upload with: sluice forget {} {}",
                            entry.system, entry.dataset, entry.dataset, shell_argument(entry.name))
              : "to upload the file from the beginning, use --restart")};
}

/// Returns the log message if the bytes must be read because the modification time changed;
/// otherwise an empty string.
std::string touched_remark(const JournalEntry& entry, const FileFacts& file) {
  const FileTime then = entry.file.modified;
  const FileTime now = file.identity.modified;
  if (now == then) return {};
  return fmt::format(
      "the modification time of {} changed after its upload began, from {} to {}: reading the file "
      "again to compare it with the bytes sent",
      printable(file.path), utc_time(then), utc_time(now));
}

bool can_be_resumed(const JournalEntry& entry) {
  const Result<FileIdentity> now = identity_at(entry.path);
  return now && may_be_same(entry.file, *now);
}

/// Returns whether the bytes at the server cannot be registered: a digest differs from the expected
/// one.
bool is_useless(const JournalEntry& entry) {
  return entry.error && entry.error->kind == ErrorKind::integrity;
}

}  // namespace

Result<void> check_other_uploads(Journal& journal, const UploadRequest& request) {
  TRY_ASSIGN(const Journal::Listing listing, journal.list(/*finished_too=*/false));
  for (const JournalEntry& other : listing.entries) {
    if (other.system != request.base_url || other.dataset != request.dataset ||
        other.name == request.name)
      continue;
    // Only the phased protocol has one staging area per dataset.
    if (other.protocol != "phased") continue;
    // The staged bytes are worthless if none are committed, if their file has changed since, or if
    // their digest was not the expected one.
    if (other.committed == 0 || (other.state == JournalEntry::State::unfinished &&
                                 (!can_be_resumed(other) || is_useless(other))))
      continue;
    return Error{
        ErrorKind::usage,
        fmt::format(
            "cannot upload '{0}' into dataset {1}: the dataset holds {2} of an unfinished "
            "upload of '{3}', and starting '{0}' would delete them; finish '{3}' with: sluice "
            "resume {1} {4}, or discard '{3}' with: sluice forget {1} {4}",
            printable(request.name), other.dataset, format_size(other.committed),
            printable(other.name), shell_argument(other.name))};
  }
  return {};
}

JournalEntry first_entry(const UploadRequest& request, std::string_view protocol,
                         const FileIdentity& file, std::size_t block_bytes) {
  JournalEntry entry;
  entry.protocol = protocol;
  entry.system = request.base_url;
  entry.dataset = request.dataset;
  entry.name = request.name;
  entry.path =
      absolute_path(request.path).value_or(request.path);  // open_file() has checked the path
  entry.file = file;
  entry.token_file = request.token_file;
  entry.digests = to_string(request.digests);
  entry.block_bytes = block_bytes;
  return entry;
}

std::uint64_t EarlierRun::sent() const {
  return std::min(entry.file.size, entry.hashed_blocks * entry.block_bytes);
}

namespace {

Result<EarlierRun> read_earlier(Journal& journal, JournalEntry entry, const FileFacts& file) {
  EarlierRun earlier;
  TRY_ASSIGN(earlier.checksums, journal.checksums(entry.id, 0, entry.hashed_blocks));
  earlier.doubtful = entry.file.inode != file.identity.inode ||
                     entry.file.modified != file.identity.modified ||
                     (entry.error && entry.error->kind == ErrorKind::local_file);
  earlier.entry = std::move(entry);
  return earlier;
}

/// Returns whether the token may be sent to `url`: the journal is a file that can be edited.
bool is_on_server(const std::string& url, const JournalEntry& whole) {
  return !url.empty() && resolve_location(whole.system, url).has_value();
}

/// Returns whether the parts cover the whole file. A run that was killed while it wrote the parts
/// to the journal leaves a subset, and has sent nothing.
bool cover_file(const std::vector<JournalEntry>& parts, std::uint64_t size) {
  std::uint64_t end = 0;
  for (const JournalEntry& part : parts) {
    if (part.part_begin != end) return false;
    end += part.file.size;
  }
  return end == size;
}

/// Returns the last registered entry of the request's name, if it is, or may be, about exactly this
/// file. Only a phased server reports that a name is taken; the others would register a second file
/// of that name if the same command ran again.
Result<std::optional<JournalEntry>> find_registered(Journal& journal, const UploadRequest& request,
                                                    ProtocolKind kind, const FileFacts& file) {
  auto last = journal.find_registered(request.base_url, request.dataset, request.name);
  if (!last || !*last) return last;
  const bool same = is_same_file(**last, request, file.identity);
  if (kind == ProtocolKind::phased) return same ? last : std::optional<JournalEntry>();
  if (same && request.verify_prefix) return cannot_compare(request, **last);
  if (same || may_be_touched(**last, request, file.identity)) return last;
  return from_another_file(request, **last);
}

/// Returns the error for an upload of which only the user can find out whether the file is
/// registered.
Error may_be_registered(const UploadRequest& request, const JournalEntry& entry) {
  return {
      ErrorKind::unconfirmed,
      fmt::format(
          "cannot upload '{0}' into dataset {1}: an earlier run sent all bytes, and whether '{0}' "
          "is registered is unknown; look at {2}/datasets/{1}; if '{0}' is listed, run: sluice "
          "forget --registered {1} {4}; if not, {3}",
          printable(request.name), request.dataset, request.base_url,
          entry.protocol == to_string(ProtocolKind::tus)
              ? fmt::format("run: sluice resume --register {} {}", request.dataset,
                            shell_argument(request.name))
              : fmt::format("run: sluice forget {} {}, and upload the file again", request.dataset,
                            shell_argument(request.name)),
          shell_argument(request.name))};
}

}  // namespace

Result<std::vector<std::string>> upload_urls(Journal& journal, const JournalEntry& entry) {
  TRY_ASSIGN(std::vector<JournalEntry> all, journal.parts(entry.id));
  all.insert(all.begin(), entry);
  std::vector<std::string> urls;
  for (const JournalEntry& one : all)
    if (auto url = resolve_location(entry.system, one.upload_url); url && !one.upload_url.empty())
      urls.push_back(*std::move(url));
  return urls;
}

Result<EarlierRuns> find_earlier_run(Journal& journal, const UploadRequest& request,
                                     ProtocolKind kind, const FileFacts& file,
                                     std::size_t block_bytes) {
  EarlierRuns result;
  auto found = journal.find(request.base_url, request.dataset, request.name);
  if (request.restart) {
    // --restart also replaces an entry that cannot be read.
    if (!found || !*found) return result;
    if ((*found)->state != JournalEntry::State::verifying) {
      TRY_ASSIGN(result.abandoned, upload_urls(journal, **found));
      return result;
    }
    if ((*found)->protocol != to_string(ProtocolKind::phased))
      return may_be_registered(request, **found);
    return Error{
        ErrorKind::unconfirmed,
        fmt::format(
            "cannot restart '{0}' in dataset {1}: an earlier run sent all bytes, and the file "
            "may be registered; to ask the server, run the command without --restart; to "
            "discard the upload without asking, use: sluice forget {1} {2}",
            printable(request.name), request.dataset, shell_argument(request.name))};
  }
  if (!found) return std::move(found).error();
  std::optional<JournalEntry> entry = *std::move(found);
  if (!entry && request.resume_only)
    return Error{
        ErrorKind::usage,
        fmt::format("cannot resume '{}' in dataset {}: the upload is no longer unfinished (another "
                    "sluice process has finished or discarded it)",
                    printable(request.name), request.dataset)};
  if (!entry) {
    TRY_ASSIGN(result.registered, find_registered(journal, request, kind, file));
    return result;
  }
  const bool registering = entry->state == JournalEntry::State::verifying;
  const FileIdentity& now = file.identity;
  const bool unchanged = entry->file.size == now.size && entry->file.modified == now.modified;
  if (!unchanged && !registering && entry->committed == 0) {
    // No bytes are known to be committed, so nothing is lost.
    TRY_ASSIGN(result.abandoned, upload_urls(journal, *entry));
    return result;
  }
  if (const bool compared = request.verify_prefix && entry->file.size == now.size;
      !compared && !may_be_same(entry->file, now))
    return not_the_same(*entry, file);
  const bool can_ask = kind == ProtocolKind::phased && entry->protocol == to_string(kind);
  const bool registers_again =
      request.register_again && kind == ProtocolKind::tus && entry->protocol == to_string(kind);
  if (registering && !can_ask && !registers_again) return may_be_registered(request, *entry);
  if (entry->protocol != to_string(kind)) {
    TRY_ASSIGN(result.abandoned, upload_urls(journal, *entry));
    if (entry->committed > 0)
      result.remark = fmt::format(
          "restarting {} from the beginning: its upload began over the {} protocol, and the server "
          "uses {} now",
          printable(file.path), entry->protocol, to_string(kind));
    return result;
  }
  // The server keeps nothing of an unfinished one-shot upload, nor of a tus upload without an
  // address.
  TRY_ASSIGN(std::vector<JournalEntry> parts, journal.parts(entry->id));
  if (kind == ProtocolKind::binary ||
      (kind == ProtocolKind::tus && entry->upload_url.empty() && parts.empty()))
    return result;
  const auto foreign = [&](const JournalEntry& one) {
    return !one.upload_url.empty() && !is_on_server(one.upload_url, *entry);
  };
  if (foreign(*entry) || std::any_of(parts.begin(), parts.end(), foreign)) {
    result.remark = fmt::format(
        "restarting {} from the beginning: the journal has the address of another server for its "
        "upload",
        printable(file.path));
    return result;
  }
  if (!parts.empty() && !cover_file(parts, entry->file.size)) return result;
  if (!parts.empty() && request.in_one_piece && entry->upload_url.empty()) {
    TRY_ASSIGN(result.abandoned, upload_urls(journal, *entry));
    return result;
  }
  if (entry->block_bytes > block_bytes)
    return Error{
        ErrorKind::usage,
        fmt::format("cannot resume {0} in blocks of {1} bytes: its upload began with blocks of "
                    "{2} bytes; use --block {2}, or upload the file from the beginning with "
                    "--restart",
                    printable(file.path), block_bytes, entry->block_bytes)};
  // Normalise the addresses: resolve_location() turns an http URL of an https server back into
  // https.
  if (!entry->upload_url.empty()) {
    TRY_ASSIGN(entry->upload_url, resolve_location(entry->system, entry->upload_url));
  }
  for (JournalEntry& part : parts)
    if (!part.upload_url.empty()) {
      TRY_ASSIGN(part.upload_url, resolve_location(entry->system, part.upload_url));
    }
  result.remark = touched_remark(*entry, file);
  TRY_ASSIGN(result.earlier, read_earlier(journal, *std::move(entry), file));
  for (JournalEntry& part : parts) {
    TRY_ASSIGN(EarlierRun earlier, read_earlier(journal, std::move(part), file));
    result.parts.push_back(std::move(earlier));
  }
  return result;
}

}  // namespace sluice
