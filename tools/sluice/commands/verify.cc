#include "tools/sluice/commands/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "engine/base/text.h"
#include "engine/base/units.h"
#include "engine/pipeline/file_check.h"
#include "engine/report/receipt.h"
#include "engine/report/report.h"
#include "engine/upload.h"
#include "engine/upload/progress_meter.h"
#include "io/open_source.h"
#include "tools/sluice/display/progress_display.h"
#include "tools/sluice/display/report_text.h"
#include "tools/sluice/process/granted.h"

namespace sluice::cli {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t verified_block_bytes = std::size_t{4} << 20;
/// 64 MiB, as for an upload.
constexpr std::size_t pool_blocks = 16;

/// The comparison of one property.
struct Comparison {
  std::string what;  ///< bytes, xxh128, md5 or sha256
  std::string file;
  std::string receipt;
  bool same() const { return file == receipt; }
};

ReadMode read_mode(const std::string& word) {
  for (const ReadMode mode : {ReadMode::direct, ReadMode::mmap, ReadMode::buffered})
    if (word == to_string(mode)) return mode;
  return ReadMode::automatic;
}

class Verify {
 public:
  Verify(const VerifyOptions& options, Console& console) : options_(options), console_(console) {}

  int run() {
    const Result<void> compared = compare();
    std::optional<Error> error;
    if (!compared)
      error = compared.error();
    else if (const std::string what = differences(); !what.empty())
      error = Error{ErrorKind::integrity, what};
    if (error) {
      error->message = printable(error->message);  // io/ does not escape file names in messages
      console_.error(error->message);
    } else if (!options_.json) {
      console_.result(fmt::format("{}: OK, the file matches the receipt: {}\n",
                                  printable(options_.file), compared_names()));
    }
    if (options_.json) print_json(error);
    return console_.finish(error ? exit_code(*error) : 0);
  }

 private:
  Result<void> compare() {
    TRY_ASSIGN(receipt_, read_receipt(options_.receipt));
    TRY_ASSIGN(const OpenedSource opened,
               open_source(options_.file, read_mode(options_.read_mode), verified_block_bytes));
    const std::uint64_t size = opened.source->identity().size;
    comparisons_.push_back({"bytes", std::to_string(size), std::to_string(receipt_.bytes)});
    if (size != receipt_.bytes) return {};  // no digest can match

    std::vector<DigestKind> extra;
    if (!receipt_.md5.empty()) extra.push_back(DigestKind::md5);
    if (!receipt_.sha256.empty()) extra.push_back(DigestKind::sha256);
    ChecksumWorkers workers(static_cast<int>(usable_cores()));
    TRY_ASSIGN(const auto check, FileCheck::start({.source = *opened.source,
                                                   .workers = workers,
                                                   .block_bytes = verified_block_bytes,
                                                   .pool_blocks = pool_blocks,
                                                   .extra = std::move(extra)}));
    watch(*check);
    TRY_ASSIGN(const FileCheck::Digests digests, check->result());
    comparisons_.push_back({"xxh128", digests.xxh128, receipt_.xxh128});
    if (!receipt_.md5.empty()) comparisons_.push_back({"md5", digests.md5, receipt_.md5});
    if (!receipt_.sha256.empty())
      comparisons_.push_back({"sha256", digests.sha256, receipt_.sha256});
    return {};
  }

  void watch(FileCheck& check) {
    constexpr auto tick = std::chrono::milliseconds(100);
    ProgressDisplay display(console_);
    ProgressMeter meter;
    while (!check.wait_until(ProgressMeter::Clock::now() + tick)) {
      const auto now = ProgressMeter::Clock::now();
      const std::uint64_t read = check.progress();
      meter.update(now, read);
      if (read < check.total())
        display.show({{}, progress_of_file(options_.file, {check.total(), read, read}, meter)},
                     now);
    }
  }

  /// Returns what was compared, for a file without differences.
  std::string compared_names() const {
    std::string text = fmt::format("{} bytes", receipt_.bytes);
    for (const Comparison& comparison : comparisons_)
      if (comparison.what != "bytes") text += ", " + comparison.what;
    return text;
  }

  /// Returns one sentence; empty if there are no differences.
  std::string differences() const {
    std::string text;
    for (const Comparison& comparison : comparisons_) {
      if (comparison.same()) continue;
      text += text.empty() ? ": " : ", ";
      text +=
          comparison.what == "bytes"
              ? fmt::format("{} bytes, but {} in the receipt", comparison.file, comparison.receipt)
              : fmt::format("{} {}, but {} in the receipt", comparison.what, comparison.file,
                            comparison.receipt);
    }
    if (text.empty()) return text;
    return fmt::format(
        "{} differs from the file that was uploaded as '{}' into dataset {}{}; see "
        "{}",
        options_.file, receipt_.stored_name(), receipt_.dataset, text, receipt_.page());
  }

  void print_json(const std::optional<Error>& error) const {
    ordered_json json{{"version", SLUICE_VERSION},
                      {"receipt", options_.receipt},
                      {"file", options_.file},
                      {"status", !error                                ? "same"
                                 : error->kind == ErrorKind::integrity ? "differs"
                                                                       : "failed"}};
    json["compared"] = ordered_json::array();
    for (const Comparison& comparison : comparisons_)
      json["compared"].push_back({{"what", comparison.what},
                                  {"file", comparison.file},
                                  {"receipt", comparison.receipt},
                                  {"same", comparison.same()}});
    json["error"] = nullptr;
    if (error) json["error"] = {{"kind", to_string(error->kind)}, {"message", error->message}};
    console_.report(json.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + '\n');
  }

  const VerifyOptions& options_;
  Console& console_;
  Receipt receipt_;
  std::vector<Comparison> comparisons_;
};

}  // namespace

int verify(const VerifyOptions& options) {
  Console console(options.console);
  return Verify(options, console).run();
}

}  // namespace sluice::cli
