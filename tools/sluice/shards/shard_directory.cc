#include "tools/sluice/shards/shard_directory.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/base/text.h"
#include "engine/digest/digest_kind.h"
#include "engine/http/base_url.h"
#include "io/local_file.h"
#include "io/replace_file.h"
#include "tools/sluice/manifest/manifest_text.h"

namespace sluice::cli {
namespace {

using nlohmann::ordered_json;

constexpr const char* facts_file = "batch.json";

/// Returns the content of a file. Error usage, with the errno as code; `what`: for the message.
Result<std::string> read_text(const std::string& path, const std::string& what) {
  const auto failed = [&] {
    return errno_error(ErrorKind::usage, errno,
                       fmt::format("cannot read {} {}", what, printable(path)));
  };
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) return failed();
  std::string text;
  std::array<char, 65536> buffer;
  do {
    in.read(buffer.data(), buffer.size());
    text.append(buffer.data(), static_cast<std::size_t>(in.gcount()));
  } while (in);
  if (in.bad()) return failed();
  return text;
}

std::string facts_text(const ShardDirectory::Facts& facts) {
  const ordered_json json{{"manifest", facts.manifest},
                          {"url", facts.url},
                          {"state_dir", facts.state_dir},
                          {"shards", facts.shards}};
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + '\n';
}

std::string manifest_text_of(const std::vector<ManifestRow>& rows) {
  const ManifestText writer(ManifestFormat::jsonl, {DigestKind::md5, DigestKind::sha256});
  std::string text;
  for (const ManifestRow& row : rows) text += writer.row(row);
  return text;
}

Error not_a_batch_error(const std::string& path, const std::string& why) {
  return {.kind = ErrorKind::usage,
          .message = fmt::format("{} is not the directory of a batch: {}; sluice batch MANIFEST "
                                 "--shards N makes one",
                                 printable(path), why)};
}

}  // namespace

std::string ShardDirectory::manifest_of(std::size_t shard) const {
  return fmt::format("{}/shard-{}.jsonl", path_, shard);
}

std::string ShardDirectory::log_of(std::size_t shard) const {
  return fmt::format("{}/shard-{}.log", path_, shard);
}

Result<ShardDirectory> ShardDirectory::write(const std::string& path, const Facts& facts,
                                             const std::vector<std::vector<ManifestRow>>& shards) {
  if (::mkdir(path.c_str(), 0777) != 0 && errno != EEXIST) {
    Error error = errno_error(ErrorKind::local_file, errno,
                              fmt::format("cannot make the directory {}", printable(path)));
    error.message += "; name another with --directory";
    return error;
  }
  ShardDirectory directory(path, facts);
  const auto before = read_text(directory.file(facts_file), "the file");
  // It may belong to a batch whose jobs are running.
  if (!before && before.error().code != ENOENT) return before.error();
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const std::string name = directory.manifest_of(i + 1);
    const std::string text = manifest_text_of(shards[i]);
    if (!before)
      TRY(write_whole_file(name, text, 0666));
    else if (*before != facts_text(facts) || read_text(name, "the manifest").value_or("") != text)
      return Error{
          ErrorKind::usage,
          fmt::format("{} has another batch: its manifest, files, server, journal or number of "
                      "shards differ; name another directory with --directory, or remove "
                      "the directory when none of its jobs is running",
                      printable(path))};
  }
  // Written last: its existence means that all manifests exist.
  if (!before) TRY(write_whole_file(directory.file(facts_file), facts_text(facts), 0666));
  return directory;
}

Result<ShardDirectory> ShardDirectory::read(const std::string& path) {
  TRY_ASSIGN(std::string absolute, absolute_path(path));
  const std::string name = absolute + '/' + facts_file;
  const auto text = read_text(name, "the file");
  if (!text) return not_a_batch_error(path, text.error().message);
  const ordered_json json = ordered_json::parse(*text, nullptr, /*allow_exceptions=*/false);
  Facts facts;
  const auto take = [&](const char* key, std::string& value) {
    if (json.is_object() && json.contains(key) && json.at(key).is_string())
      value = json.at(key).get<std::string>();
  };
  take("manifest", facts.manifest);
  take("url", facts.url);
  take("state_dir", facts.state_dir);
  if (json.is_object() && json.contains("shards") && json.at("shards").is_number_unsigned())
    facts.shards = json.at("shards").get<std::size_t>();
  if (facts.url.empty() || facts.state_dir.empty() || facts.shards == 0)
    return not_a_batch_error(path, "its batch.json lacks url, state_dir or shards");
  return ShardDirectory(std::move(absolute), std::move(facts));
}

Result<std::vector<ManifestRow>> ShardDirectory::rows(std::size_t shard) const {
  const std::string path = manifest_of(shard);
  TRY_ASSIGN(const std::string text, read_text(path, "the manifest"));
  // Not read_manifest(), which fails after a stop signal: the report must be written then, too.
  Manifest manifest = parse_manifest(text, ManifestFormat::jsonl, path, path_ + '/');
  if (!manifest.problems.empty()) return Error{ErrorKind::usage, manifest.problems.front()};
  return std::move(manifest.rows);
}

}  // namespace sluice::cli
