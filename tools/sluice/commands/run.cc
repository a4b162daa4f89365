#include "tools/sluice/commands/run.h"

#include <map>
#include <optional>
#include <utility>

#include "tools/sluice/config/address.h"
#include "tools/sluice/run/batch.h"
#include "tools/sluice/run/manifest_targets.h"

namespace sluice::cli {
namespace {

std::unique_ptr<Expected> expected_of(const ManifestRow& row) {
  Expected expected{.bytes = row.bytes,
                    .digests = {.xxh128 = row.xxh128, .md5 = row.md5, .sha256 = row.sha256}};
  if (!expected.bytes && !expected.digests.any()) return nullptr;
  return std::make_unique<Expected>(std::move(expected));
}

/// One run of `sluice run`.
class Run {
 public:
  Run(const RunOptions& options, Console& console)
      : options_(options), console_(console), uploader_(options.upload, console) {}

  int run() {
    std::optional<Error> error;
    if (Result<void> ran = upload_all(); !ran) {
      error = std::move(ran).error();
      uploader_.report().fail(*error);
    }
    return uploader_.report().end(error);
  }

 private:
  Result<void> upload_all() {
    TRY_ASSIGN(base_url_, chosen_url(options_.url, options_.system, options_.upload.insecure_http));
    TRY_ASSIGN(Manifest manifest, read_manifest(options_.manifest, options_.format));
    for (const std::string& warning : manifest.warnings) console_.warning(warning);
    for (const std::string& problem : manifest.problems) console_.error(problem);
    TRY(manifest.usable(options_.manifest));
    if (!options_.upload.receipts.empty()) TRY(check_receipts(manifest));
    TRY_ASSIGN(const ManifestTargets targets,
               find_targets(manifest, options_.manifest, base_url_, options_.upload, uploader_));
    TRY(uploader_.prepare(manifest.rows.size()));
    Batch batch(options_.upload,
                {.protocol = options_.protocol,
                 .dry_run = options_.dry_run,
                 .restart = options_.restart,
                 .trust_journal = true,
                 .largest_first = true},
                console_, uploader_);
    std::map<std::string, std::size_t> indexes;
    for (const auto& [dataset, request] : targets)
      indexes.emplace(dataset, batch.add_target(request));
    std::size_t number = 0;
    for (ManifestRow& row : manifest.rows)
      batch.add({.number = number++,
                 .target = indexes.at(row.dataset),
                 .path = std::move(row.path),
                 .name = std::move(row.name),
                 .expected = expected_of(row)});
    manifest = {};
    batch.run();
    return {};
  }

  const RunOptions& options_;
  Console& console_;
  Uploader uploader_;
  std::string base_url_;
};

}  // namespace

int run(const RunOptions& options) {
  Console console(options.upload.console);
  return Run(options, console).run();
}

}  // namespace sluice::cli
