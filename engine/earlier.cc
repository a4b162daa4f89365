#include "engine/earlier.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "engine/registered_before.h"
#include "engine/text.h"
#include "engine/tus_location.h"
#include "engine/units.h"
#include "io/local_file.h"

namespace sluice {
namespace {

/// Whether the file can be the one that the entry is about, so that its bytes can be compared with
/// what was sent. Another time alone says nothing: file systems on a network round it, and programs
/// set it. Device numbers are not compared: the same file has another one on every node of a
/// cluster.
bool may_be_same(const FileIdentity& then, const FileIdentity& now) {
  return now.size == then.size && (now.modified == then.modified || now.inode == then.inode);
}

/// Why not.
Error not_the_same(const JournalEntry& entry, const Source& source) {
  const FileIdentity& then = entry.file;
  const FileIdentity& now = source.identity();
  const bool registering = entry.state == JournalEntry::State::verifying;
  const std::string change =
      now.size != then.size ? fmt::format("it had {} bytes and has {}", then.size, now.size)
                            : fmt::format("it is another file, last modified at {} and not at {}",
                                          utc_time(now.modified), utc_time(then.modified));
  return Error{
      ErrorKind::local_file,
      fmt::format("{} is not what {} of {} bytes were sent from: {}; {}{}",
                  printable(source.path()), entry.committed, then.size, change,
                  now.size != then.size
                      ? ""
                      : "--verify-prefix compares its bytes with what was sent, and resumes where "
                        "they are the same; ",
                  registering ? "it may be registered as it was: look at the dataset's page, and "
                                "drop this upload with 'sluice forget'"
                              : "--restart sends it from its beginning")};
}

/// A sentence for the log where the bytes have to be read, because the time is another; or empty.
std::string touched(const JournalEntry& entry, const Source& source) {
  const FileTime then = entry.file.modified;
  const FileTime now = source.identity().modified;
  if (now == then) return {};
  return fmt::format(
      "{} was last modified at {}, and at {} when its upload began: what was sent of it is read "
      "again and compared",
      printable(source.path()), utc_time(now), utc_time(then));
}

bool can_be_resumed(const JournalEntry& entry) {
  const Result<FileIdentity> now = identity_at(entry.path);
  return now && may_be_same(entry.file, *now);
}

Result<void> check_others(Journal& journal, const UploadRequest& request) {
  TRY_ASSIGN(const Journal::Listing listing, journal.list(/*finished_too=*/false));
  for (const JournalEntry& other : listing.entries) {
    if (other.system != request.base_url || other.dataset != request.dataset ||
        other.name == request.name)
      continue;
    // Only the phased protocol has one staging area a dataset.
    if (other.protocol != "phased") continue;
    // Nothing is lost with what is not there, and nothing can follow on what has changed since.
    if (other.committed == 0 ||
        (other.state == JournalEntry::State::unfinished && !can_be_resumed(other)))
      continue;
    return Error{
        ErrorKind::usage,
        fmt::format("dataset {} holds {} of an unfinished upload of '{}' ({}), which setting up "
                    "'{}' would delete; finish it with 'sluice resume', or give it up with: sluice "
                    "forget {} {}",
                    other.dataset, format_size(other.committed), printable(other.name),
                    printable(other.path), printable(request.name), other.dataset,
                    shell_argument(other.name))};
  }
  return {};
}

}  // namespace

JournalEntry first_entry(const UploadRequest& request, std::string_view protocol,
                         const FileIdentity& file, std::size_t block_bytes) {
  JournalEntry entry;
  entry.protocol = protocol;
  entry.system = request.base_url;
  entry.dataset = request.dataset;
  entry.name = request.name;
  entry.path = absolute_path(request.path).value_or(request.path);  // Engine::start() has tried
  entry.file = file;
  entry.token_file = request.token_file;
  entry.digests = to_string(request.digests);
  entry.block_bytes = block_bytes;
  return entry;
}

std::uint64_t Earlier::sent() const {
  return std::min(entry.file.size, entry.hashed_blocks * entry.block_bytes);
}

namespace {

Result<Earlier> read_earlier(Journal& journal, JournalEntry entry, const Source& source) {
  Earlier earlier;
  TRY_ASSIGN(earlier.checksums, journal.checksums(entry.id, 0, entry.hashed_blocks));
  earlier.doubtful = entry.file.inode != source.identity().inode ||
                     entry.file.modified != source.identity().modified ||
                     (entry.error && entry.error->kind == ErrorKind::local_file);
  earlier.entry = std::move(entry);
  return earlier;
}

/// Whether the token may go where its bytes went: the journal is a file that can be edited.
bool is_own_address(const std::string& url, const JournalEntry& whole) {
  return !url.empty() && own_address(whole.system, url).has_value();
}

/// Whether the parts are all there: a run that is killed while it writes them down leaves a few,
/// and has sent nothing.
bool cover(const std::vector<JournalEntry>& parts, std::uint64_t size) {
  std::uint64_t end = 0;
  for (const JournalEntry& part : parts) {
    if (part.part_begin != end) return false;
    end += part.file.size;
  }
  return end == size;
}

/// The last file of that name that was registered, if it is this very one, or may be. Only the
/// phased protocol's server says that a name is taken; the others register a second file of that
/// name, whenever the same command runs again.
Result<std::optional<JournalEntry>> find_registered(Journal& journal, const UploadRequest& request,
                                                    ProtocolKind kind, const Source& source) {
  auto last = journal.find_registered(request.base_url, request.dataset, request.name);
  if (!last || !*last) return last;
  const bool same = is_same_file(**last, request, source.identity());
  if (kind == ProtocolKind::phased) return same ? last : std::optional<JournalEntry>();
  if (same && request.verify_prefix) return cannot_compare(request, **last);
  if (same || may_be_touched(**last, request, source.identity())) return last;
  return from_another_file(request, **last);
}

Error may_be_registered(const UploadRequest& request, const JournalEntry& entry) {
  return {ErrorKind::unconfirmed,
          fmt::format(
              "all of '{0}' was sent to dataset {1} before, and nobody can be asked "
              "whether it is registered: look at {2}/datasets/{1}; {3}",
              printable(request.name), request.dataset, request.base_url,
              entry.protocol == to_string(ProtocolKind::tus)
                  ? fmt::format("if it is not there, register it with: sluice resume --register "
                                "{0} {1}; if it is, end this upload with: sluice forget {0} {1}",
                                request.dataset, shell_argument(request.name))
                  : fmt::format("if it is not there, this lets it be sent again: sluice forget {} "
                                "{}",
                                request.dataset, shell_argument(request.name)))};
}

}  // namespace

Result<std::vector<std::string>> own_addresses(Journal& journal, const JournalEntry& entry) {
  TRY_ASSIGN(std::vector<JournalEntry> all, journal.parts(entry.id));
  all.insert(all.begin(), entry);
  std::vector<std::string> urls;
  for (const JournalEntry& one : all)
    if (auto url = own_address(entry.system, one.upload_url); url && !one.upload_url.empty())
      urls.push_back(*std::move(url));
  return urls;
}

Result<EarlierFound> find_earlier(Journal& journal, const UploadRequest& request, ProtocolKind kind,
                                  const Source& source, std::size_t block_bytes) {
  if (kind == ProtocolKind::phased) TRY(check_others(journal, request));
  EarlierFound result;
  auto found = journal.find(request.base_url, request.dataset, request.name);
  if (request.restart) {
    // An entry that cannot be understood is what --restart is for.
    result.unfinished = !found || *found;
    if (!found || !*found) return result;
    if ((*found)->state != JournalEntry::State::verifying) {
      TRY_ASSIGN(result.abandoned, own_addresses(journal, **found));
      return result;
    }
    if ((*found)->protocol != to_string(ProtocolKind::phased))
      return may_be_registered(request, **found);
    return Error{
        ErrorKind::unconfirmed,
        fmt::format("all of '{}' was sent to dataset {} before, and it may be registered: without "
                    "--restart the server is asked; 'sluice forget' drops it unasked",
                    printable(request.name), request.dataset)};
  }
  if (!found) return std::move(found).error();
  std::optional<JournalEntry> entry = *std::move(found);
  if (!entry && request.resume_only)
    return Error{ErrorKind::usage,
                 fmt::format("the upload of '{}' into dataset {} is not unfinished any more",
                             printable(request.name), request.dataset)};
  if (!entry) {
    TRY_ASSIGN(result.registered, find_registered(journal, request, kind, source));
    return result;
  }
  result.unfinished = true;
  const bool registering = entry->state == JournalEntry::State::verifying;
  const FileIdentity& now = source.identity();
  const bool unchanged = entry->file.size == now.size && entry->file.modified == now.modified;
  if (!unchanged && !registering && entry->committed == 0) {
    // Nothing is lost that anybody knows of.
    TRY_ASSIGN(result.abandoned, own_addresses(journal, *entry));
    return result;
  }
  if (const bool compared = request.verify_prefix && entry->file.size == now.size;
      !compared && !may_be_same(entry->file, now))
    return not_the_same(*entry, source);
  const bool can_ask = kind == ProtocolKind::phased && entry->protocol == to_string(kind);
  const bool told_to =
      request.register_again && kind == ProtocolKind::tus && entry->protocol == to_string(kind);
  if (registering && !can_ask && !told_to) return may_be_registered(request, *entry);
  if (entry->protocol != to_string(kind)) {
    TRY_ASSIGN(result.abandoned, own_addresses(journal, *entry));
    if (entry->committed > 0)
      result.remark = fmt::format(
          "{} was begun over the {} protocol, and the server speaks {} now: it is sent from its "
          "beginning",
          printable(source.path()), entry->protocol, to_string(kind));
    return result;
  }
  // Of a one-shot upload nothing is left at the server; of a tus one without an address neither.
  TRY_ASSIGN(std::vector<JournalEntry> parts, journal.parts(entry->id));
  if (kind == ProtocolKind::binary ||
      (kind == ProtocolKind::tus && entry->upload_url.empty() && parts.empty()))
    return result;
  const auto foreign = [&](const JournalEntry& one) {
    return !one.upload_url.empty() && !is_own_address(one.upload_url, *entry);
  };
  if (foreign(*entry) || std::any_of(parts.begin(), parts.end(), foreign)) {
    result.remark = fmt::format(
        "the journal has another server's address for what was sent of {}: it is sent from its "
        "beginning",
        printable(source.path()));
    return result;
  }
  if (!parts.empty() && !cover(parts, entry->file.size)) return result;
  if (!parts.empty() && request.in_one_piece && entry->upload_url.empty()) {
    TRY_ASSIGN(result.abandoned, own_addresses(journal, *entry));
    return result;
  }
  if (entry->block_bytes > block_bytes)
    return Error{ErrorKind::usage,
                 fmt::format("the upload of {} was begun with blocks of {} bytes: go on with "
                             "--block {}, or send it anew with --restart",
                             printable(source.path()), entry->block_bytes, entry->block_bytes)};
  // As own_address() has them: an http for an https site is back behind its TLS.
  if (!entry->upload_url.empty()) {
    TRY_ASSIGN(entry->upload_url, own_address(entry->system, entry->upload_url));
  }
  for (JournalEntry& part : parts)
    if (!part.upload_url.empty()) {
      TRY_ASSIGN(part.upload_url, own_address(entry->system, part.upload_url));
    }
  result.remark = touched(*entry, source);
  TRY_ASSIGN(result.earlier, read_earlier(journal, *std::move(entry), source));
  for (JournalEntry& part : parts) {
    TRY_ASSIGN(Earlier earlier, read_earlier(journal, std::move(part), source));
    result.parts.push_back(std::move(earlier));
  }
  return result;
}

}  // namespace sluice
