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

/// What has to be done before an upload sends its first request: the parts of its file are uploaded
/// (FileInParts). The upload itself then joins them. Everything belongs to the upload's network
/// thread, but for progress() and settle().
class Preparation {
 public:
  struct Outcome {
    std::optional<Report> failure;      ///< of what failed first; nothing if all is there
    std::vector<Protocol::Part> parts;  ///< that the server has, in the file's order
  };

  virtual ~Preparation() = default;
  /// Begins, once. `on_progress`: called a few times a second. `on_over`: called once; after
  /// cancel() with the failure `interrupted`, or with what was there by then.
  virtual void begin(Transport& thread, std::function<void()> on_progress,
                     std::function<void(Outcome)> on_over) = 0;
  /// Whether on_over will still be called.
  virtual bool is_running() const = 0;
  /// Ends it soon.
  virtual void cancel() = 0;
  /// Compares a reading of the whole file with what was sent. Error local_file: they differ.
  virtual Result<void> compare(const FileCheck::Digests& checked) const = 0;
  /// Adds what was done to the report of the whole file.
  virtual void add_to(Report& report) const = 0;
  /// Of all of it, but for `total`. Any thread.
  virtual Progress progress() const = 0;
  /// Waits until nothing of it is under way on other threads. Any thread but network threads, once
  /// it is over.
  virtual void settle() = 0;
};

}  // namespace sluice
