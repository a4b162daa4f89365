#include "tools/sluice/shards/split.h"

#include <algorithm>
#include <map>

namespace sluice::cli {
namespace {

/// The cost of the requests of a file, in bytes. Without it, a million empty files would be in one
/// shard.
constexpr std::uint64_t file_cost = std::uint64_t{1} << 20;

/// Files that stay together.
struct Piece {
  std::vector<std::size_t> files;
  std::uint64_t cost = 0;
};

std::vector<Piece> pieces_of(const std::vector<ShardFile>& files) {
  std::vector<Piece> pieces;
  std::map<std::string, std::size_t> known;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto [at, is_new] = files[i].group.empty() ? std::pair(known.end(), true)
                                                     : known.emplace(files[i].group, pieces.size());
    if (is_new) pieces.emplace_back();
    Piece& piece = is_new ? pieces.back() : pieces[at->second];
    piece.files.push_back(i);
    piece.cost += files[i].bytes + file_cost;
  }
  return pieces;
}

}  // namespace

std::vector<std::vector<std::size_t>> split_into_shards(const std::vector<ShardFile>& files,
                                                        std::size_t shards) {
  std::vector<Piece> pieces = pieces_of(files);
  std::stable_sort(pieces.begin(), pieces.end(),
                   [](const Piece& one, const Piece& other) { return one.cost > other.cost; });
  std::vector<Piece> split(std::min(shards, pieces.size()));
  for (const Piece& piece : pieces) {
    // The first of the smallest shards.
    Piece& smallest = *std::min_element(
        split.begin(), split.end(),
        [](const Piece& one, const Piece& other) { return one.cost < other.cost; });
    smallest.files.insert(smallest.files.end(), piece.files.begin(), piece.files.end());
    smallest.cost += piece.cost;
  }
  std::vector<std::vector<std::size_t>> indexes;
  for (Piece& shard : split) {
    std::sort(shard.files.begin(), shard.files.end());
    indexes.push_back(std::move(shard.files));
  }
  return indexes;
}

}  // namespace sluice::cli
