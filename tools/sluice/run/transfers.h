#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "engine/upload.h"

namespace sluice::cli {

/// The uploads in flight. One thread at a time, except for the callbacks of on_over().
class Transfers {
 public:
  Transfers();
  /// Cancels the remaining uploads, and blocks until they have ended.
  ~Transfers();
  Transfers(const Transfers&) = delete;
  Transfers& operator=(const Transfers&) = delete;

  /// Returns the UploadRequest::on_over callback for the upload that will be added with that
  /// number.
  std::function<void()> on_over(std::size_t number);
  void add(std::size_t number, std::unique_ptr<Upload> upload);

  std::size_t count() const { return uploads_.size(); }
  /// Returns the progress of each upload in flight.
  std::vector<std::pair<std::size_t, Progress>> progress() const;
  /// Returns the bytes sent to the network by all uploads, including those already taken. Never
  /// decreases.
  std::uint64_t transmitted() const;
  void cancel();

  /// Blocks until an upload has ended or the deadline. Returns the number of an ended upload;
  /// nullopt if there is none.
  std::optional<std::size_t> wait_until(std::chrono::steady_clock::time_point deadline);
  /// Removes an ended upload and returns its report.
  Report take(std::size_t number);

 private:
  struct Ended;
  const std::shared_ptr<Ended> ended_;  ///< shared with the network thread
  std::map<std::size_t, std::unique_ptr<Upload>> uploads_;
  std::uint64_t taken_transmitted_ = 0;  ///< bytes sent by the uploads already taken
};

}  // namespace sluice::cli
