#include "tools/sluice/manifest/row_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <numeric>
#include <tuple>
#include <utility>

#include "engine/base/text.h"
#include "engine/digest/digest_kind.h"
#include "engine/protocol/deposit.h"

namespace sluice::cli {
namespace {

/// Returns the text of a cell for a message.
std::string cell_in_quotes(std::string_view text) {
  return fmt::format("'{}'", printable(text.substr(0, 300)));
}

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdefABCDEF") == text.npos;
}

}  // namespace

RowCheck::RowCheck(std::string name, std::string directory)
    : name_(std::move(name)), directory_(std::move(directory)) {}

std::string RowCheck::at_line(std::size_t line, std::string_view what) const {
  return fmt::format("{} line {}: {}", printable(name_), line, what);
}

void RowCheck::problem(std::size_t line, std::string_view what) {
  ++manifest_.problem_count;
  if (problems_.size() < Manifest::most_problems) problems_.push_back({line, at_line(line, what)});
}

void RowCheck::warn(std::string_view what) {
  manifest_.warnings.push_back(fmt::format("{}: {}", printable(name_), what));
}

void RowCheck::add(std::size_t line, const Cells& cells) {
  ManifestRow row;
  row.line = line;
  // Check all columns, to report all problems of the manifest at once.
  bool valid = set_path(row, cells);
  if (valid) valid = set_name(row, cells);
  valid = set_dataset(row, cells) && valid;
  valid = set_bytes(row, cells) && valid;
  valid = set_digest(row, row.xxh128, cells, Column::xxh128, 32) && valid;
  valid = set_digest(row, row.md5, cells, Column::md5, hex_digits(DigestKind::md5)) && valid;
  valid =
      set_digest(row, row.sha256, cells, Column::sha256, hex_digits(DigestKind::sha256)) && valid;
  if (valid) manifest_.rows.push_back(std::move(row));
}

Manifest RowCheck::finish() {
  find_duplicate_names();
  for (Problem& problem : problems_) manifest_.problems.push_back(std::move(problem.sentence));
  return std::move(manifest_);
}

void RowCheck::find_duplicate_names() {
  // Sorts row indexes instead of using a set, which takes 50 bytes more per name: 200,000 names are
  // possible.
  const std::vector<ManifestRow>& rows = manifest_.rows;
  const auto key = [&](std::size_t row) { return std::tie(rows[row].name, rows[row].dataset); };
  std::vector<std::size_t> sorted(rows.size());
  std::iota(sorted.begin(), sorted.end(), 0);
  std::sort(sorted.begin(), sorted.end(), [&](std::size_t a, std::size_t b) {
    return key(a) == key(b) ? a < b : key(a) < key(b);
  });
  struct Pair {
    std::size_t first;
    std::size_t duplicate;
  };
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const std::size_t first = sorted[i];
    while (i + 1 < sorted.size() && key(sorted[i + 1]) == key(first))
      pairs.push_back({first, sorted[++i]});
  }
  std::sort(pairs.begin(), pairs.end(), [](Pair a, Pair b) { return a.duplicate < b.duplicate; });

  manifest_.problem_count += pairs.size();
  pairs.resize(std::min(pairs.size(), Manifest::most_problems));
  for (const auto& [first, duplicate] : pairs) {
    const ManifestRow& row = rows[duplicate];
    problems_.push_back(
        {row.line,
         at_line(row.line, fmt::format("the name {} in dataset {} is the name of line {} too: give "
                                       "one of the two files another name in column 'name'",
                                       cell_in_quotes(row.name), row.dataset, rows[first].line))});
  }
  std::stable_sort(problems_.begin(), problems_.end(),
                   [](const Problem& a, const Problem& b) { return a.line < b.line; });
  if (problems_.size() > Manifest::most_problems)
    problems_.erase(problems_.begin() + Manifest::most_problems, problems_.end());
}

std::string RowCheck::path_of(std::string_view text) const {
  if (directory_.empty() || text.starts_with('/')) return std::string(text);
  return fmt::format("{}{}{}", directory_, directory_.ends_with('/') ? "" : "/", text);
}

bool RowCheck::set_path(ManifestRow& row, const Cells& cells) {
  const auto& text = cells[Column::path];
  if (!text) {
    problem(row.line, "the path is missing");
    return false;
  }
  if (text->find('\0') != text->npos) {
    problem(row.line, fmt::format("the path {} contains a NUL byte", cell_in_quotes(*text)));
    return false;
  }
  if (!is_utf8(*text)) {
    problem(row.line, fmt::format("the path {} is not valid UTF-8: save the manifest as UTF-8",
                                  cell_in_quotes(*text)));
    return false;
  }
  row.path = path_of(*text);
  return true;
}

bool RowCheck::set_name(ManifestRow& row, const Cells& cells) {
  const auto& given = cells[Column::name];
  const std::string_view path = *cells[Column::path];
  const std::string_view name = given ? *given : path.substr(path.rfind('/') + 1);
  const char* const reason = problem_of_deposit_name(name);
  if (reason == nullptr) {
    row.name = name;
    return true;
  }
  if (given)
    problem(row.line, fmt::format("the name {} {}", cell_in_quotes(name), reason));
  else
    problem(row.line, fmt::format("the path {} gives no name for the dataset: its last part {}; "
                                  "give a name in column 'name'",
                                  cell_in_quotes(path), reason));
  return false;
}

bool RowCheck::set_dataset(ManifestRow& row, const Cells& cells) {
  const auto& text = cells[Column::dataset];
  if (!text) {
    problem(row.line, "the dataset is missing: give its key, for example IDB-1234567");
    return false;
  }
  if (const Result<void> checked = check_dataset_key(*text); !checked) {
    problem(row.line, checked.error().message);
    return false;
  }
  row.dataset = *text;
  return true;
}

bool RowCheck::set_bytes(ManifestRow& row, const Cells& cells) {
  const auto& text = cells[Column::bytes];
  if (!text) return true;
  std::uint64_t bytes = 0;
  const auto [end, code] = std::from_chars(text->data(), text->data() + text->size(), bytes);
  if (code == std::errc() && end == text->data() + text->size()) {
    row.bytes = bytes;
    return true;
  }
  problem(row.line,
          fmt::format("bytes is {}, which is not a whole number of bytes: give the file's size in "
                      "digits alone, for example 4096",
                      cell_in_quotes(*text)));
  return false;
}

bool RowCheck::set_digest(ManifestRow& row, std::string& digest, const Cells& cells, Column column,
                          std::size_t digits) {
  const auto& text = cells[column];
  if (!text) return true;
  if (text->size() == digits && is_hex(*text)) {
    digest = lower_case(*text);
    return true;
  }
  std::string reason = "other characters";
  if (is_hex(*text)) reason = fmt::format("{} hexadecimal digits", text->size());
  problem(row.line, fmt::format("{} is {}: the value has {}, and such a digest has {} hexadecimal "
                                "digits",
                                to_string(column), cell_in_quotes(*text), reason, digits));
  return false;
}

}  // namespace sluice::cli
