#pragma once

#include <string>
#include <vector>

#include "engine/digest/digest_kind.h"
#include "tools/sluice/manifest/manifest.h"

namespace sluice::cli {

/// The text of a manifest, a row at a time, as parse_manifest() reads it. Pure, any thread.
class ManifestText {
 public:
  /// `format`: not automatic. `digests`: the columns besides path, dataset, name, bytes and xxh128.
  ManifestText(ManifestFormat format, const std::vector<DigestKind>& digests);

  /// The first line, which names the columns; empty for JSON Lines.
  std::string header() const;
  /// A line. Its texts must be valid UTF-8. A dataset that is empty stays so in a table, for
  /// somebody to fill in, and is left out of JSON.
  std::string row(const ManifestRow& row) const;

 private:
  std::string table_line(const std::vector<std::string>& fields) const;

  const ManifestFormat format_;
  bool md5_ = false;
  bool sha256_ = false;
};

}  // namespace sluice::cli
