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

/// A file in parts: several uploads, each of a piece of the file over a connection of its own, that
/// the server joins at the end (tus's concatenation extension). Owns the parts, and decides with
/// Lanes how many run at a time. The upload that joins them (UploadRun) owns this.
class FileInParts final : public Preparation, public std::enable_shared_from_this<FileInParts> {
 public:
  struct Setting {
    std::vector<std::shared_ptr<Lane>> parts;  ///< in the file's order, not started
    unsigned first_lanes = 1;                  ///< that run at once, at first
    unsigned most_lanes = 1;                   ///< and at most
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
  void settle() override;

 private:
  /// Four times a second while parts are under way.
  void look();
  void over();

  const Setting setting_;
  Transport* thread_ = nullptr;  ///< set in begin()
  std::function<void()> on_progress_;
  std::function<void(Outcome)> on_over_;
  std::optional<Lanes> lanes_;
};

}  // namespace sluice
