#include "tools/sluice/manifest/manifest_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "engine/base/text.h"
#include "tools/sluice/manifest/csv_table.h"

namespace sluice::cli {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
/// The maximum number of ignored columns in a warning.
constexpr std::size_t most_listed_ignored = 10;

std::string in_quotes(std::string_view text) {
  return fmt::format("'{}'", printable(text.substr(0, 100)));
}

std::string misspelled_name(const char* what, std::string_view name, Column meant) {
  return fmt::format("the {} {} is unknown: write '{}'", what, in_quotes(name), to_string(meant));
}

std::string ignored_warning(const char* what, const std::vector<std::string>& names) {
  std::string list;
  for (std::size_t i = 0; i < std::min(names.size(), most_listed_ignored); ++i)
    list += (i == 0 ? "" : ", ") + in_quotes(names[i]);
  if (names.size() > most_listed_ignored)
    list += fmt::format(" and {} more", names.size() - most_listed_ignored);
  return fmt::format("{} {} {} ignored: sluice reads {}", names.size() == 1 ? what : "the", list,
                     names.size() == 1 ? "is" : "are", list_of_columns());
}

/// CSV and TSV.
class TableParser final : public ManifestParser {
 public:
  TableParser(char delimiter, const std::string& name, const std::string& directory)
      : ManifestParser(name, directory),
        delimiter_(delimiter),
        table_(delimiter,
               [this](const auto& fields, std::size_t line) { handle_row(fields, line); }) {}

 private:
  void read(std::string_view text) override { fail_if(table_.feed(text)); }
  void end() override {
    fail_if(table_.finish());
    if (!failed() && columns_.empty())
      fail(1, "the header line is missing: the first line must name the columns");
  }

  void fail_if(const std::optional<CsvTable::SyntaxError>& error) {
    if (error && !failed()) fail(error->line, error->why);
  }

  void handle_row(const std::vector<std::string_view>& fields, std::size_t line) {
    if (failed()) return;
    if (columns_.empty())
      parse_header(fields, line);
    else
      parse_row(fields, line);
  }

  void parse_header(const std::vector<std::string_view>& fields, std::size_t line) {
    std::vector<std::string> ignored;
    std::vector<std::string> errors;
    std::set<Column> seen;
    for (const std::string_view field : fields) {
      const std::optional<Column> column = find_column(field);
      columns_.push_back(column);
      if (column && !seen.insert(*column).second)
        errors.push_back(fmt::format("the header has two columns '{}'", to_string(*column)));
      if (column) continue;
      if (const auto meant = similar_column(field))
        errors.push_back(misspelled_name("column", field, *meant));
      else
        ignored.emplace_back(field);
    }
    for (const Column needed : {Column::path, Column::dataset})
      if (!seen.contains(needed) && errors.empty()) errors.push_back(missing(needed, fields));
    for (const std::string& what : errors) fail(line, what);
    if (!failed() && !ignored.empty()) rows().warn(ignored_warning("column", ignored));
  }

  std::string missing(Column column, const std::vector<std::string_view>& fields) const {
    std::string hint;
    for (const char other : {',', ';', '\t'})
      if (fields.size() == 1 && other != delimiter_ && fields[0].find(other) != fields[0].npos)
        hint = fmt::format("; {} must stand between the columns, and the header line has {}",
                           name_of(delimiter_), name_of(other));
    return fmt::format("the header line has no column '{}'{}", to_string(column), hint);
  }

  static const char* name_of(char delimiter) {
    return delimiter == '\t' ? "tabs" : delimiter == ';' ? "semicolons" : "commas";
  }

  void parse_row(const std::vector<std::string_view>& fields, std::size_t line) {
    if (fields.size() != columns_.size()) {
      rows().problem(line, fmt::format("the row has {} {}, and the header has {}", fields.size(),
                                       fields.size() == 1 ? "field" : "fields", columns_.size()));
      return;
    }
    Cells cells;
    for (std::size_t i = 0; i < fields.size(); ++i)
      if (columns_[i] && !fields[i].empty()) cells[*columns_[i]] = fields[i];
    rows().add(line, cells);
  }

  const char delimiter_;
  /// One entry for each field; nothing for an ignored column. Empty before the header is read.
  std::vector<std::optional<Column>> columns_;
  CsvTable table_;
};

/// JSON Lines.
class JsonLinesParser final : public ManifestParser {
 public:
  JsonLinesParser(const std::string& name, const std::string& directory)
      : ManifestParser(name, directory) {}

 private:
  using json = nlohmann::json;
  static constexpr int max_depth = 8;

  void read(std::string_view text) override {
    while (!text.empty() && !failed()) {
      const std::size_t end = text.find('\n');
      pending_.append(text.substr(0, end));
      if (pending_.size() > CsvTable::longest_row) {
        fail(line_, fmt::format("the line is longer than {} bytes", CsvTable::longest_row));
        return;
      }
      if (end == text.npos) return;
      parse_line();
      text.remove_prefix(end + 1);
    }
  }

  void end() override {
    parse_line();
    if (!ignored_.empty() && !failed()) rows().warn(ignored_warning("key", ignored_));
  }

  void parse_line() {
    const std::size_t line = line_++;
    if (pending_.find_first_not_of(" \t\r") != pending_.npos) parse_object(line);
    pending_.clear();
  }

  void parse_object(std::size_t line) {
    // The JSON parser keeps one value of duplicate keys silently; find duplicates here.
    std::set<std::string> keys;
    std::string duplicate;
    bool too_deep = false;
    const json object = json::parse(
        pending_,
        [&](int depth, json::parse_event_t event, json& value) {
          too_deep = too_deep || depth > max_depth;
          if (event == json::parse_event_t::key && depth == 1) {
            auto key = value.get<std::string>();
            if (!keys.insert(key).second) duplicate = std::move(key);
          }
          return !too_deep;
        },
        /*allow_exceptions=*/false);
    if (too_deep || !object.is_object()) {
      rows().problem(line,
                     !is_utf8(pending_) ? "the line is not valid UTF-8: save the manifest as UTF-8"
                     : too_deep ? fmt::format("the object has more than {} levels; remove the "
                                              "values that are objects or arrays",
                                              max_depth)
                                : "the line is not a JSON object: write one object per line, "
                                  "without commas between the lines");
      return;
    }
    if (!duplicate.empty()) {
      rows().problem(line, fmt::format("the object has the key {} twice", in_quotes(duplicate)));
      return;
    }
    parse_row(line, object);
  }

  void parse_row(std::size_t line, const json& object) {
    Cells cells;
    std::string bytes;
    bool valid = true;
    const auto reject = [&](const std::string& what) {
      rows().problem(line, what);
      valid = false;
    };
    for (const auto& [key, value] : object.items()) {
      const std::optional<Column> column = find_column(key);
      if (!column) {
        if (const auto meant = similar_column(key))
          reject(misspelled_name("key", key, *meant));
        else
          ignore(key);
      } else if (value.is_string()) {
        const auto& text = value.get_ref<const std::string&>();
        if (!text.empty()) cells[*column] = text;
      } else if (*column == Column::bytes && value.is_number()) {
        bytes = value.dump();
        cells[Column::bytes] = bytes;
      } else if (!value.is_null()) {
        reject(fmt::format("the value of '{}' is not a {}", to_string(*column),
                           *column == Column::bytes ? "number" : "string"));
      }
    }
    if (valid) rows().add(line, cells);
  }

  void ignore(const std::string& key) {
    // Limits memory: a manifest may have different keys in each line.
    if (ignored_.size() > 100 || std::find(ignored_.begin(), ignored_.end(), key) != ignored_.end())
      return;
    ignored_.push_back(key);
  }

  std::size_t line_ = 1;
  std::string pending_;  ///< the incomplete current line
  std::vector<std::string> ignored_;
};

}  // namespace

std::unique_ptr<ManifestParser> ManifestParser::create(ManifestFormat format,
                                                       const std::string& name,
                                                       const std::string& directory) {
  if (format == ManifestFormat::jsonl) return std::make_unique<JsonLinesParser>(name, directory);
  return std::make_unique<TableParser>(format == ManifestFormat::tsv ? '\t' : ',', name, directory);
}

void ManifestParser::fail(std::size_t line, std::string_view what) {
  failed_ = true;
  check_.problem(line, what);
}

void ManifestParser::feed(std::string_view text) {
  if (failed_) return;
  if (begun_) {
    read(text);
    return;
  }
  head_.append(text);
  if (head_.size() >= byte_order_mark.size()) begin();
}

void ManifestParser::begin() {
  begun_ = true;
  std::string_view text = head_;
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
    fail(1, "the text is UTF-16, as some Windows programs write: save the manifest as UTF-8");
    return;
  }
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  read(text);
  head_ = {};
}

Manifest ManifestParser::finish() {
  if (!begun_) begin();
  if (!failed_) end();
  return check_.finish();
}

}  // namespace sluice::cli
