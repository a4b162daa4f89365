#include "engine/upload/upload_parts.h"

#include <span>
#include <utility>

#include "engine/journal/journal_tables.h"

namespace sluice {

Result<std::vector<Earlier>> begin_parts(Journal& journal, const UploadRequest& request,
                                         const Source& source, std::size_t block_bytes,
                                         const std::vector<ByteRange>& parts,
                                         std::optional<Earlier>& whole) {
  Earlier file;
  file.entry = first_entry(request, to_string(ProtocolKind::tus), source.identity(), block_bytes);
  std::vector<Earlier> entries;
  // All or nothing: a few of the parts would be a file that nobody can put together.
  const Journal::Work work = [&](JournalTables& tables) -> Result<void> {
    TRY_ASSIGN(file.entry.id, tables.begin(file.entry));
    for (const ByteRange& range : parts) {
      Earlier part;
      part.entry = file.entry;
      part.entry.part_of = file.entry.id;
      part.entry.part_begin = range.begin;
      part.entry.file.size = range.size();
      TRY_ASSIGN(part.entry.id, tables.begin(part.entry));
      entries.push_back(std::move(part));
    }
    return {};
  };
  const std::vector<Result<void>> done = journal.together(std::span(&work, 1));
  TRY(done.front());
  whole = std::move(file);
  return entries;
}

UploadParts resume_parts(std::vector<Earlier> entries, const PartPlanSetting& setting) {
  UploadParts parts;
  parts.plan = plan_lanes(setting, entries.size());
  for (Earlier& part : entries) {
    const JournalEntry& entry = part.entry;
    parts.plan.parts.push_back({entry.part_begin, entry.part_begin + entry.file.size});
    part.doubtful = false;  // the whole file is read beside it anyway
  }
  parts.entries = std::move(entries);
  return parts;
}

std::vector<std::uint64_t> checksums_of(const std::vector<Earlier>& parts) {
  std::vector<std::uint64_t> all;
  for (const Earlier& part : parts)
    all.insert(all.end(), part.checksums.begin(), part.checksums.end());
  return all;
}

}  // namespace sluice
