#include "tools/sluice/commands/run.h"

#include <fmt/format.h>

#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/text.h"
#include "tools/sluice/commands/address.h"
#include "tools/sluice/run/batch.h"
#include "tools/sluice/run/receipt_files.h"

namespace sluice::cli {
namespace {

std::unique_ptr<Expected> expected_of(const ManifestRow& row) {
  Expected expected{.bytes = row.bytes,
                    .digests = {.xxh128 = row.xxh128, .md5 = row.md5, .sha256 = row.sha256}};
  if (!expected.bytes && !expected.digests.any()) return nullptr;
  return std::make_unique<Expected>(std::move(expected));
}

/// A whole run of `sluice run`.
class Run {
 public:
  Run(const RunOptions& options, Console& console)
      : options_(options), console_(console), uploader_(options.upload, console) {}

  int run() {
    std::optional<Error> error;
    if (Result<void> ran = upload_all(); !ran) {
      error = std::move(ran).error();
      uploader_.fail(*error);
    }
    return uploader_.end(error);
  }

 private:
  Result<void> upload_all() {
    TRY_ASSIGN(base_url_, chosen_url(options_.url, options_.system, options_.upload.insecure_http));
    TRY_ASSIGN(Manifest manifest, read_manifest(options_.manifest, options_.format));
    for (const std::string& warning : manifest.warnings) console_.warning(warning);
    for (const std::string& problem : manifest.problems) console_.error(problem);
    TRY(manifest.usable(options_.manifest));
    if (!options_.upload.receipts.empty()) TRY(check_receipts(manifest));
    TRY_ASSIGN(const Targets targets, find_targets(manifest));
    TRY(uploader_.prepare(manifest.rows.size()));
    Batch batch(options_.upload,
                {.protocol = options_.protocol,
                 .dry_run = options_.dry_run,
                 .restart = options_.restart,
                 .believe_journal = true,
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

  /// Files of one name in two datasets would have one receipt.
  Result<void> check_receipts(const Manifest& manifest) const {
    std::map<std::string_view, const ManifestRow*> rows;
    for (const ManifestRow& row : manifest.rows) {
      const auto [other, is_first] = rows.emplace(row.name, &row);
      if (is_first) continue;
      return Error{ErrorKind::usage,
                   fmt::format("cannot write the receipts of '{}' in dataset {} and of '{}' in "
                               "dataset {} into one directory: both would be {}{}; upload each "
                               "dataset with a manifest and a --receipt directory of its own",
                               printable(row.name), other->second->dataset, printable(row.name),
                               row.dataset, printable(row.name), receipt_suffix)};
    }
    return {};
  }

  /// What the files of a dataset have in common, by the dataset's key.
  using Targets = std::map<std::string, UploadRequest>;

  /// The datasets, each with its token.
  Result<Targets> find_targets(const Manifest& manifest) {
    Targets targets;
    for (const ManifestRow& row : manifest.rows) targets.try_emplace(row.dataset);
    if (targets.size() > 1 && !options_.upload.token_file.empty())
      return Error{ErrorKind::usage,
                   fmt::format("--token-file names the token of one dataset, and the manifest {} "
                               "has {} datasets; leave out --token-file, and store a token for "
                               "each of them with: sluice token add DATASET",
                               printable(options_.manifest), targets.size())};
    std::optional<Error> without;
    for (auto& [dataset, request] : targets) {
      request.base_url = base_url_;
      request.dataset = dataset;
      const Result<void> found = uploader_.find_token(
          request, targets.size() == 1 ? EnvironmentToken::first : EnvironmentToken::last);
      if (found) continue;
      // Each of them, so that the user can store all tokens that are missing.
      if (without) uploader_.fail(*without);
      without = found.error();
    }
    if (without) return *std::move(without);
    return targets;
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
