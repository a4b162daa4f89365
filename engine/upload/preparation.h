#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "engine/http/transport.h"
#include "engine/pipeline/file_check.h"
#include "engine/protocol/protocol.h"
#include "engine/report/report.h"
#include "engine/upload/upload_request.h"
#include "io/result.h"

namespace sluice {

/// The work that precedes an upload's first request: the parts of its file are uploaded
/// (FileInParts). The upload itself then joins the parts. Every member except progress() and
/// wait_for_threads() may be called only on the upload's network thread.
class Preparation {
 public:
  struct Outcome {
    std::optional<Report>
        failure;  ///< report of the first failure; empty if all parts were uploaded
    std::vector<Protocol::Part> parts;  ///< parts that the server has, ordered by offset
  };

  virtual ~Preparation() = default;
  /// Starts the work. Call once. `on_progress`: called a few times a second. `on_over`: called
  /// once. After cancel(), `on_over` gets the failure `interrupted`, or the complete parts if the
  /// work had just ended.
  virtual void begin(Transport& thread, std::function<void()> on_progress,
                     std::function<void(Outcome)> on_over) = 0;
  /// Whether on_over will still be called.
  virtual bool is_running() const = 0;
  /// Cancels the work. on_over follows.
  virtual void cancel() = 0;
  /// Compares the digests of a second reading of the whole file with the bytes sent. Error
  /// local_file: they differ.
  virtual Result<void> compare(const FileCheck::Digests& checked) const = 0;
  /// Adds the results of the parts to the report of the whole file.
  virtual void add_to(Report& report) const = 0;
  /// Returns the progress of all parts together, without `total`. Any thread.
  virtual Progress progress() const = 0;
  /// Blocks until no other thread works for the parts. Call only after on_over, on any thread
  /// except network threads.
  virtual void wait_for_threads() = 0;
};

}  // namespace sluice
