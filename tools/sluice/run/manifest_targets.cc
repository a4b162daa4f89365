#include "tools/sluice/run/manifest_targets.h"

#include <fmt/format.h>

#include <optional>
#include <string_view>

#include "engine/base/text.h"
#include "tools/sluice/run/receipt_files.h"

namespace sluice::cli {

Result<void> check_receipts(const Manifest& manifest) {
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

Result<ManifestTargets> find_targets(const Manifest& manifest, const std::string& path,
                                     const std::string& base_url, const UploadOptions& options,
                                     Uploader& uploader) {
  ManifestTargets targets;
  for (const ManifestRow& row : manifest.rows) targets.try_emplace(row.dataset);
  if (targets.size() > 1 && !options.token_file.empty())
    return Error{ErrorKind::usage,
                 fmt::format("--token-file names the token of one dataset, and the manifest {} "
                             "has {} datasets; leave out --token-file, and store a token for "
                             "each of them with: sluice token add DATASET",
                             printable(path), targets.size())};
  std::optional<Error> without;
  for (auto& [dataset, request] : targets) {
    request.base_url = base_url;
    request.dataset = dataset;
    const Result<void> found = uploader.tokens().find(
        request, targets.size() == 1 ? EnvironmentToken::first : EnvironmentToken::last);
    if (found) continue;
    // Report each error, so that the user can store all missing tokens.
    if (without) uploader.report().fail(*without);
    without = found.error();
  }
  if (without) return *std::move(without);
  return targets;
}

}  // namespace sluice::cli
