#include "engine/upload/upload_parts.h"

#include <span>
#include <utility>

#include "engine/journal/journal_tables.h"

namespace sluice {

Result<std::vector<EarlierRun>> begin_parts(Journal& journal, const UploadRequest& request,
                                            const Source& source, std::size_t block_bytes,
                                            const std::vector<ByteRange>& parts,
                                            std::optional<EarlierRun>& whole) {
  EarlierRun file;
  file.entry = first_entry(request, to_string(ProtocolKind::tus), source.identity(), block_bytes);
  std::vector<EarlierRun> entries;
  // One transaction: a subset of the parts could not be joined to a file.
  const Journal::Work work = [&](JournalTables& tables) -> Result<void> {
    TRY_ASSIGN(file.entry.id, tables.begin(file.entry));
    for (const ByteRange& range : parts) {
      EarlierRun part;
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

UploadParts resume_parts(std::vector<EarlierRun> entries, const PartPlanSetting& setting) {
  UploadParts parts;
  parts.plan = plan_lanes(setting, entries.size());
  for (EarlierRun& part : entries) {
    const JournalEntry& entry = part.entry;
    parts.plan.parts.push_back({entry.part_begin, entry.part_begin + entry.file.size});
    part.doubtful = false;  // the whole file is read in parallel anyway
  }
  parts.entries = std::move(entries);
  return parts;
}

std::vector<std::uint64_t> checksums_of(const std::vector<EarlierRun>& parts) {
  std::vector<std::uint64_t> all;
  for (const EarlierRun& part : parts)
    all.insert(all.end(), part.checksums.begin(), part.checksums.end());
  return all;
}

}  // namespace sluice
