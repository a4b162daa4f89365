#include "tools/sluice/display/text_width.h"

#include <utf8proc.h>

#include <vector>

namespace sluice::cli {
namespace {

constexpr std::string_view ellipsis = "\u2026";

/// Variation selector 16: the character before it is shown as an emoji, which many terminals draw
/// two columns wide.
constexpr utf8proc_int32_t emoji_selector = 0xFE0F;

/// An extended grapheme cluster: the offset of its end, and its columns.
struct Cluster {
  std::size_t end = 0;
  std::size_t width = 0;
};

std::vector<Cluster> clusters_of(std::string_view text) {
  std::vector<Cluster> clusters;
  utf8proc_int32_t before = -1;
  utf8proc_int32_t state = 0;
  for (std::size_t at = 0; at < text.size();) {
    utf8proc_int32_t code = -1;
    const utf8proc_ssize_t length =
        utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data() + at),
                         static_cast<utf8proc_ssize_t>(text.size() - at), &code);
    const bool valid = length > 0;
    at += valid ? static_cast<std::size_t>(length) : 1;
    if (!valid) {
      clusters.push_back({at, 1});
      before = -1;
      continue;
    }
    if (before < 0) state = 0;
    if (before < 0 || utf8proc_grapheme_break_stateful(before, code, &state))
      clusters.push_back({at, 0});
    Cluster& last = clusters.back();
    last.end = at;
    last.width += static_cast<std::size_t>(utf8proc_charwidth(code));
    if (code == emoji_selector && last.width == 1) last.width = 2;
    before = code;
  }
  return clusters;
}

}  // namespace

std::size_t text_width(std::string_view text) {
  std::size_t width = 0;
  for (const Cluster& cluster : clusters_of(text)) width += cluster.width;
  return width;
}

std::string shorten(std::string_view text, std::size_t columns) {
  const std::vector<Cluster> clusters = clusters_of(text);
  std::size_t width = 0;
  for (const Cluster& cluster : clusters) width += cluster.width;
  if (width <= columns) return std::string(text);
  if (columns == 0) return {};
  std::size_t left = columns - 1;  // one column for the ellipsis
  // The end gets half of the columns, the beginning the rest, including a column that a wide
  // character could not use.
  std::size_t first_kept = clusters.size();
  for (std::size_t room = left / 2; first_kept > 0 && clusters[first_kept - 1].width <= room;) {
    --first_kept;
    room -= clusters[first_kept].width;
    left -= clusters[first_kept].width;
  }
  std::size_t kept = 0;
  while (kept < first_kept && clusters[kept].width <= left) left -= clusters[kept++].width;
  std::string result(text.substr(0, kept == 0 ? 0 : clusters[kept - 1].end));
  result += ellipsis;
  if (first_kept < clusters.size())
    result += text.substr(first_kept == 0 ? 0 : clusters[first_kept - 1].end);
  return result;
}

std::size_t wrapped_rows(std::string_view text, std::size_t columns) {
  std::size_t rows = 1;
  std::size_t used = 0;
  for (const Cluster& cluster : clusters_of(text)) {
    if (used > 0 && used + cluster.width > columns) {
      ++rows;
      used = 0;
    }
    used += cluster.width;
  }
  return rows;
}

}  // namespace sluice::cli
