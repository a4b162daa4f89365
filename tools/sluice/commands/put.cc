#include "tools/sluice/commands/put.h"

#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <utility>
#include <vector>

#include "engine/deposit.h"
#include "engine/text.h"
#include "tools/sluice/commands/address.h"
#include "tools/sluice/run/batch.h"
#include "tools/sluice/tokens/token_source.h"

namespace sluice::cli {
namespace {

/// A whole run of `sluice put`.
class Put {
 public:
  Put(const PutOptions& options, Console& console)
      : options_(options), console_(console), uploader_(options.upload, console) {
    for (const std::string& path : options.files)
      files_.push_back({path, options.name.empty() ? std::filesystem::path(path).filename().string()
                                                   : options.name});
  }

  int run() {
    UploadRequest common;
    if (Result<void> prepared = prepare(common); !prepared) {
      uploader_.fail(prepared.error());
      for (std::size_t i = 0; i < files_.size(); ++i)
        uploader_.count_failed(i, report_of(i), prepared.error());
    } else if (check_names()) {
      upload_files(std::move(common));
    }
    return uploader_.end();
  }

 private:
  struct File {
    std::string path;
    std::string name;  ///< in the dataset
  };

  Report report_of(std::size_t number) const {
    Report report;
    report.dataset = options_.dataset;
    report.file = files_[number].path;
    report.name = files_[number].name;
    report.protocol = to_string(options_.protocol);
    return report;
  }

  /// What concerns the run as a whole.
  Result<void> prepare(UploadRequest& common) {
    TRY(check_dataset_key(options_.dataset));
    if (!options_.name.empty() && files_.size() > 1)
      return Error{
          ErrorKind::usage,
          fmt::format("--name sets the name of one file, but {} files are given; leave out "
                      "--name, or upload the files one at a time",
                      files_.size())};
    common.dataset = options_.dataset;
    TRY_ASSIGN(common.base_url,
               chosen_url(options_.url, options_.system, options_.upload.insecure_http));
    TRY(uploader_.find_token(common, EnvironmentToken::first));
    return uploader_.prepare(files_.size());
  }

  /// Two files of one name stop all: which of them is meant, only the user can say.
  bool check_names() {
    std::map<std::string, std::size_t> names;
    std::vector<bool> bad(files_.size());
    bool good = true;
    for (std::size_t i = 0; i < files_.size(); ++i) {
      const auto [other, fresh] = names.emplace(files_[i].name, i);
      if (fresh) continue;
      bad[i] = true;
      good = false;
      uploader_.fail(
          i, report_of(i),
          Error{ErrorKind::usage,
                fmt::format("cannot upload both {} and {}: both would have the name '{}' in "
                            "the dataset; upload one of them separately, with --name",
                            printable(files_[other->second].path), printable(files_[i].path),
                            printable(files_[i].name))});
    }
    if (good) return true;
    for (std::size_t i = 0; i < files_.size(); ++i)
      if (!bad[i]) uploader_.leave(i, report_of(i));
    console_.error("no file was uploaded");
    return false;
  }

  void upload_files(UploadRequest common) {
    Batch batch(
        options_.upload,
        {.protocol = options_.protocol, .dry_run = options_.dry_run, .restart = options_.restart},
        console_, uploader_);
    const std::size_t target = batch.add_target(std::move(common));
    for (std::size_t i = 0; i < files_.size(); ++i)
      batch.add({.number = i, .target = target, .path = files_[i].path, .name = files_[i].name});
    batch.run();
  }

  const PutOptions& options_;
  Console& console_;
  Uploader uploader_;
  std::vector<File> files_;
};

}  // namespace

int put(const PutOptions& options) {
  Console console(options.upload.console);
  return Put(options, console).run();
}

}  // namespace sluice::cli
