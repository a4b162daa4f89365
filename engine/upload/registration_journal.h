#pragma once

#include <memory>
#include <string>

#include "engine/journal/upload_record.h"
#include "io/result.h"

namespace sluice {

/// What the journal knows of the registration of one file: it is told before the request goes out,
/// as another run would register the file a second time. The network thread's.
class RegistrationJournal {
 public:
  /// `file`: for messages.
  explicit RegistrationJournal(std::string file) : file_(std::move(file)) {}

  /// Null, as at first: there is no journal.
  void use(std::shared_ptr<UploadRecord> record) { record_ = std::move(record); }

  /// Tells the journal that the file is about to be registered, once.
  void note();
  bool is_noted() const { return is_noted_; }
  /// After note(): whether the journal has that on the disk; false: not yet. Error: it cannot be
  /// written; retryable, after which note() tells it again.
  Result<bool> has_written();
  /// The request was answered. `may_be_registered`: Registration::may_be_registered(). If not, the
  /// journal is told at once: the wait for a retry may be long, and may not be survived.
  void answered(bool may_be_registered);

 private:
  const std::string file_;
  std::shared_ptr<UploadRecord> record_;
  bool is_noted_ = false;
};

}  // namespace sluice
