#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/log.h"
#include "engine/upload/lanes.h"
#include "engine/upload/preparation.h"

namespace sluice {

/// A file that is uploaded in parts: several uploads, each of one range of the file over its own
/// connection, that the server joins at the end (tus's concatenation extension). Owns the parts; a
/// Lanes object decides how many run concurrently. The upload that joins the parts (UploadRun) owns
/// this object.
class FileInParts final : public Preparation, public std::enable_shared_from_this<FileInParts> {
 public:
  struct Setting {
    std::vector<std::shared_ptr<Lane>> parts;  ///< ordered by offset, not started
    unsigned first_lanes = 1;                  ///< initial number of concurrent parts
    unsigned most_lanes = 1;                   ///< maximum number of concurrent parts
    std::string file;                          ///< for messages
    std::size_t block_bytes = 1;
    Log log = {};
  };

  explicit FileInParts(Setting setting) : setting_(std::move(setting)) {}

  void begin(Transport& thread, std::function<void()> on_progress,
             std::function<void(Outcome)> on_over) override;
  bool is_running() const override { return lanes_ && lanes_->under_way(); }
  void cancel() override { lanes_->cancel(); }
  Result<void> compare(const FileCheck::Digests& checked) const override;
  void add_to(Report& report) const override;
  Progress progress() const override;
  void wait_for_threads() override;

 private:
  /// Updates the lane count and the progress. Runs every 250 ms while parts are running.
  void look();
  /// Passes the outcome of all parts to on_over_.
  void over();

  const Setting setting_;
  Transport* thread_ = nullptr;  ///< set in begin()
  std::function<void()> on_progress_;
  std::function<void(Outcome)> on_over_;
  std::optional<Lanes> lanes_;
};

}  // namespace sluice
