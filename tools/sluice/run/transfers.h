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

/// The uploads that are under way. One thread at a time, but for what on_over() returns.
class Transfers {
 public:
  Transfers();
  /// Cancels those that are left, and waits for them.
  ~Transfers();
  Transfers(const Transfers&) = delete;
  Transfers& operator=(const Transfers&) = delete;

  /// For the UploadRequest::on_over of the upload that is to be add()ed under that number.
  std::function<void()> on_over(std::size_t number);
  void add(std::size_t number, std::unique_ptr<Upload> upload);

  std::size_t count() const { return uploads_.size(); }
  /// Of each that is under way.
  std::vector<std::pair<std::size_t, Progress>> progress() const;
  /// Bytes that all of them have handed to the network, those that were taken too; only grows.
  std::uint64_t handed() const;
  void cancel();

  /// One that is over; nothing where there is none by then.
  std::optional<std::size_t> wait_until(std::chrono::steady_clock::time_point deadline);
  /// Its report; it is not under way any more.
  Report take(std::size_t number);

 private:
  struct Ended;
  const std::shared_ptr<Ended> ended_;  ///< shared with the network thread
  std::map<std::size_t, std::unique_ptr<Upload>> uploads_;
  std::uint64_t taken_handed_ = 0;  ///< bytes, of those that were taken
};

}  // namespace sluice::cli
