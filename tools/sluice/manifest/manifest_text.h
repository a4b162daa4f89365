#pragma once

#include <string>
#include <vector>

#include "engine/digest/digest_kind.h"
#include "tools/sluice/manifest/manifest.h"

namespace sluice::cli {

/// Writes the text of a manifest row by row, in the format of parse_manifest(). Pure, any thread.
class ManifestText {
 public:
  /// `format`: not automatic. `digests`: columns in addition to path, dataset, name, bytes and
  /// xxh128.
  ManifestText(ManifestFormat format, const std::vector<DigestKind>& digests);

  /// Returns the header line with the column names; empty for JSON Lines.
  std::string header() const;
  /// Returns one line. Texts must be valid UTF-8. An empty dataset is an empty cell of a table, for
  /// the user to fill in, and is omitted in JSON.
  std::string row(const ManifestRow& row) const;

 private:
  std::string table_line(const std::vector<std::string>& fields) const;

  const ManifestFormat format_;
  bool md5_ = false;
  bool sha256_ = false;
};

}  // namespace sluice::cli
