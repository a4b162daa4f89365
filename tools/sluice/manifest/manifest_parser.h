#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "tools/sluice/manifest/manifest.h"
#include "tools/sluice/manifest/row_check.h"

namespace sluice::cli {

/// Reads a manifest in pieces of any size: the part that the formats share. One thread at a time.
class ManifestParser {
 public:
  /// `format`: not automatic. `name` and `directory` as parse_manifest() has them.
  static std::unique_ptr<ManifestParser> create(ManifestFormat format, const std::string& name,
                                                const std::string& directory);
  virtual ~ManifestParser() = default;
  ManifestParser(const ManifestParser&) = delete;
  ManifestParser& operator=(const ManifestParser&) = delete;

  /// Reads the next piece. Does nothing once failed().
  void feed(std::string_view text);
  /// Ends the manifest and returns what is in it. Nothing may be called afterwards.
  Manifest finish();
  /// Whether the rest cannot be read, because of a problem that the manifest has by now.
  bool failed() const { return failed_; }

 protected:
  ManifestParser(const std::string& name, const std::string& directory) : check_(name, directory) {}

  RowCheck& rows() { return check_; }
  void fail(std::size_t line, std::string_view what);

 private:
  /// Without the byte order mark; whole text, in pieces.
  virtual void read(std::string_view text) = 0;
  virtual void end() = 0;
  /// Takes the mark off the text's beginning. False where the text has another encoding.
  void begin();

  RowCheck check_;
  std::string head_;  ///< the first bytes, until there are enough to tell the encoding
  bool begun_ = false;
  bool failed_ = false;
};

}  // namespace sluice::cli
