#include "tools/sluice/manifest/manifest.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "engine/base/text.h"
#include "io/unique_fd.h"
#include "tools/sluice/manifest/manifest_parser.h"
#include "tools/sluice/process/stop.h"

namespace sluice::cli {
namespace {

struct Input {
  UniqueFd file;  ///< empty for standard input
  std::string name;
  std::string directory;
};

Error reading_error(const std::string& what, int code) {
  Error error = errno_error(ErrorKind::usage, code, what);
  error.message += "; check the path and the permissions";
  return error;
}

Result<Input> open_input(const std::string& path) {
  Input input;
  if (path == "-") {
    input.name = "standard input";
    return input;
  }
  input.name = path;
  input.directory = path.substr(0, path.rfind('/') + 1);
  input.file = UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!input.file) return reading_error("cannot open the manifest " + printable(path), errno);
  // The directory of a pipe, such as /dev/stdin or a shell's <(command), has no meaning for paths.
  struct stat facts {};
  if (::fstat(input.file.get(), &facts) == 0 && !S_ISREG(facts.st_mode)) input.directory.clear();
  return input;
}

}  // namespace

ManifestFormat format_of_name(std::string_view name) {
  const std::string lower = lower_case(name);
  if (lower.ends_with(".csv")) return ManifestFormat::csv;
  if (lower.ends_with(".tsv")) return ManifestFormat::tsv;
  if (lower.ends_with(".jsonl") || lower.ends_with(".ndjson")) return ManifestFormat::jsonl;
  return ManifestFormat::automatic;
}

Result<void> Manifest::usable(const std::string& manifest) const {
  if (problem_count == 0) return {};
  std::string listed;
  if (problem_count > problems.size())
    listed = fmt::format(" (the first {} are listed)", problems.size());
  return Error{ErrorKind::usage, fmt::format("cannot use the manifest {}: {} {}{}; correct the "
                                             "manifest and run the command again",
                                             printable(manifest), problem_count,
                                             problem_count == 1 ? "error" : "errors", listed)};
}

Manifest parse_manifest(std::string_view text, ManifestFormat format, const std::string& name,
                        const std::string& directory) {
  const auto parser = ManifestParser::create(format, name, directory);
  parser->feed(text);
  return parser->finish();
}

Result<Manifest> read_manifest(const std::string& path, ManifestFormat format) {
  if (format == ManifestFormat::automatic) format = format_of_name(path);
  if (format == ManifestFormat::automatic)
    return Error{ErrorKind::usage,
                 fmt::format("cannot tell the format of the manifest {}: its name ends in none of "
                             ".csv, .tsv, .jsonl and .ndjson; give --format csv, tsv or jsonl",
                             path == "-" ? "on standard input" : printable(path))};
  TRY_ASSIGN(const Input input, open_input(path));
  const int fd = input.file ? input.file.get() : STDIN_FILENO;
  const auto parser = ManifestParser::create(format, input.name, input.directory);
  std::string buffer(std::size_t{64} << 10, '\0');
  while (!parser->failed()) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (stop_signal() != 0)
      return Error{ErrorKind::interrupted,
                   fmt::format("reading the manifest {} was interrupted", printable(input.name))};
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return reading_error("cannot read the manifest " + printable(input.name), errno);
    if (got == 0) break;
    parser->feed(std::string_view(buffer).substr(0, static_cast<std::size_t>(got)));
  }
  Manifest manifest = parser->finish();
  if (manifest.rows.empty() && manifest.problem_count == 0)
    return Error{ErrorKind::usage, fmt::format("cannot use the manifest {}: the manifest has no "
                                               "rows; add a row for each file",
                                               printable(input.name))};
  return manifest;
}

}  // namespace sluice::cli
