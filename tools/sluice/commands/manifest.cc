#include "tools/sluice/commands/manifest.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "engine/base/text.h"
#include "engine/digest/digest_kind.h"
#include "engine/protocol/deposit.h"
#include "engine/upload/progress_meter.h"
#include "io/local_file.h"
#include "io/replace_file.h"
#include "tools/sluice/display/progress_display.h"
#include "tools/sluice/display/report_text.h"
#include "tools/sluice/manifest/digest_files.h"
#include "tools/sluice/manifest/manifest_text.h"
#include "tools/sluice/process/granted.h"
#include "tools/sluice/process/stop.h"
#include "tools/sluice/tokens/token_store.h"

namespace sluice::cli {
namespace {

class WriteManifest {
 public:
  WriteManifest(const ManifestOptions& options, Console& console)
      : options_(options), console_(console) {}

  int run() {
    if (const Result<void> written = write(); !written) fail(written.error());
    if (!console_.finish()) {
      console_.error("cannot write the manifest to standard output");
      code_ = worse_code(code_, 1);
    }
    return code_;
  }

 private:
  void fail(const Error& error) {
    console_.error(printable(error.message));
    const bool stopped = error.kind == ErrorKind::interrupted && stop_signal() != 0;
    code_ = worse_code(code_, stopped ? 128 + stop_signal() : exit_code(error));
  }

  Result<void> write() {
    if (!options_.dataset.empty()) TRY(check_dataset_key(options_.dataset));
    TRY_ASSIGN(digests_, parse_digests(options_.digests));
    TRY_ASSIGN(std::vector<SelectedFile> files, select());
    if (files.empty()) return {};  // an error was reported for each
    TRY_ASSIGN(const std::string text, text_of(std::move(files)));
    if (text.empty()) return {};
    if (options_.output.empty()) {
      console_.report(text);
      return {};
    }
    return write_whole_file(options_.output, text, 0666);
  }

  Result<std::vector<SelectedFile>> select() {
    SelectOptions select = options_.select;
    if (select.paths.empty() && select.files_from.empty())
      return Error{ErrorKind::usage,
                   "no file is given; give files or directories, or a list of them with "
                   "--files-from; see sluice manifest --help"};
    if (!options_.skip.empty()) {
      TRY_ASSIGN(select.skip, parse_skip(options_.skip));
    }
    select.list_filtered = false;
    select.stop = [] { return stop_signal() != 0; };
    OwnFiles own;
    own.add(options_.output);
    own.add_with_files(TokenStore::default_directory());
    TRY_ASSIGN(Selection selection, select_files(select, own));
    TRY(not_stopped());
    for (const LeftOut& item : selection.left_out)
      if (item.asked_for)
        console_.warning(printable(item.notice()));
      else
        fail({.kind = item.reason == LeftOutReason::name ? ErrorKind::usage : ErrorKind::local_file,
              .message = item.message(),
              .code = item.code});
    total_ = selection.bytes;
    return std::move(selection.files);
  }

  static Result<void> not_stopped() {
    if (stop_signal() == 0) return {};
    return Error{ErrorKind::interrupted, "interrupted: no manifest was written"};
  }

  /// Returns the manifest of all readable files; empty if there are none.
  Result<std::string> text_of(std::vector<SelectedFile> files) {
    std::vector<std::string> paths;
    paths.reserve(files.size());
    for (SelectedFile& file : files) paths.push_back(file.path);
    TRY_ASSIGN(const auto running, DigestFiles::start(std::move(paths), digests_, usable_cores()));
    watch(*running, files.size());
    TRY(not_stopped());
    DigestFiles::Results results = running->take_results();

    const ManifestText writer(format(), digests_);
    std::string text;
    for (std::size_t i = 0; i < files.size(); ++i) {
      Result<ManifestRow> row = row_of(files[i], std::move(results[i]));
      if (row)
        text += writer.row(*row);
      else
        fail(row.error());
    }
    return text.empty() ? text : writer.header() + text;
  }

  ManifestFormat format() const {
    if (options_.format != ManifestFormat::automatic) return options_.format;
    const ManifestFormat of_output = format_of_name(options_.output);
    return of_output == ManifestFormat::automatic ? ManifestFormat::csv : of_output;
  }

  Result<ManifestRow> row_of(SelectedFile& file, Result<DigestFiles::Digests> digests) const {
    if (!digests) return std::move(digests).error();
    ManifestRow row;
    TRY_ASSIGN(row.path, path_in_manifest(file.path));
    if (!is_utf8(row.path))
      return Error{
          ErrorKind::local_file,
          fmt::format("cannot list {}: the path is not valid UTF-8, as a manifest requires; "
                      "rename the directory",
                      printable(row.path))};
    row.dataset = options_.dataset;
    row.name = std::move(file.name);
    row.bytes = digests->bytes;
    row.xxh128 = std::move(digests->xxh128);
    row.md5 = std::move(digests->md5);
    row.sha256 = std::move(digests->sha256);
    return row;
  }

  /// Returns the path for the manifest. `sluice run` resolves relative paths from the manifest's
  /// directory, which may differ from the working directory.
  Result<std::string> path_in_manifest(const std::string& path) const {
    if (path.starts_with('/') || options_.output.find('/') == std::string::npos) return path;
    TRY_ASSIGN(std::string absolute, absolute_path(path));
    const std::string parent = std::filesystem::path(options_.output).parent_path().string();
    TRY_ASSIGN(std::string directory, absolute_path(parent));
    if (!directory.ends_with('/')) directory += '/';
    return absolute.starts_with(directory) ? absolute.substr(directory.size()) : absolute;
  }

  void watch(DigestFiles& running, std::size_t files) {
    constexpr auto tick = std::chrono::milliseconds(100);
    ProgressDisplay display(console_);
    ProgressMeter meter;
    while (!running.wait_until(ProgressMeter::Clock::now() + tick)) {
      if (stop_signal() != 0) running.cancel();
      const auto now = ProgressMeter::Clock::now();
      const std::uint64_t read = running.bytes_done();
      meter.update(now, read);
      if (read < total_)
        display.show(
            {{}, progress_of_all(running.files_done(), files, {total_, read, read}, meter)}, now);
    }
  }

  const ManifestOptions& options_;
  Console& console_;
  std::vector<DigestKind> digests_;
  std::uint64_t total_ = 0;  ///< bytes of all files
  int code_ = 0;
};

}  // namespace

int manifest(const ManifestOptions& options) {
  catch_stop_signals();
  Console console(options.console);
  return WriteManifest(options, console).run();
}

}  // namespace sluice::cli
