#include "tools/sluice/manifest/manifest_text.h"

#include <csv.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "tools/sluice/manifest/columns.h"

namespace sluice::cli {
namespace {

/// Returns the text of a field, quoted if RFC 4180 requires it.
std::string field_text(const std::string& text, char delimiter) {
  const char special[] = {delimiter, '"', '\r', '\n', '\0'};
  if (text.find_first_of(special) == text.npos) return text;
  std::string quoted(csv_write(nullptr, 0, text.data(), text.size()), '\0');
  csv_write(quoted.data(), quoted.size(), text.data(), text.size());
  return quoted;
}

}  // namespace

ManifestText::ManifestText(ManifestFormat format, const std::vector<DigestKind>& digests)
    : format_(format) {
  for (const DigestKind kind : digests) (kind == DigestKind::md5 ? md5_ : sha256_) = true;
}

std::string ManifestText::header() const {
  if (format_ == ManifestFormat::jsonl) return {};
  std::vector<std::string> names;
  for (const Column column : all_columns)
    if ((column != Column::md5 || md5_) && (column != Column::sha256 || sha256_))
      names.emplace_back(to_string(column));
  return table_line(names);
}

std::string ManifestText::row(const ManifestRow& row) const {
  if (format_ == ManifestFormat::jsonl) {
    nlohmann::ordered_json json{{"path", row.path}};
    if (!row.dataset.empty()) json["dataset"] = row.dataset;
    json["name"] = row.name;
    if (row.bytes) json["bytes"] = *row.bytes;
    json["xxh128"] = row.xxh128;
    if (md5_) json["md5"] = row.md5;
    if (sha256_) json["sha256"] = row.sha256;
    return json.dump() + '\n';
  }
  std::vector<std::string> fields{row.path, row.dataset, row.name,
                                  row.bytes ? std::to_string(*row.bytes) : "", row.xxh128};
  if (md5_) fields.push_back(row.md5);
  if (sha256_) fields.push_back(row.sha256);
  return table_line(fields);
}

std::string ManifestText::table_line(const std::vector<std::string>& fields) const {
  const char delimiter = format_ == ManifestFormat::tsv ? '\t' : ',';
  std::string line;
  for (const std::string& field : fields) {
    if (!line.empty()) line += delimiter;
    line += field_text(field, delimiter);
  }
  return line + '\n';
}

}  // namespace sluice::cli
