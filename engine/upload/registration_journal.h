#pragma once

#include <memory>
#include <string>

#include "engine/journal/upload_record.h"
#include "io/result.h"

namespace sluice {

/// Writes to the journal that one file is about to be registered, and later whether it was. The
/// journal must know before the request is sent, because a later run would otherwise register the
/// file a second time. Network thread only.
class RegistrationJournal {
 public:
  /// `file`: for messages.
  explicit RegistrationJournal(std::string file) : file_(std::move(file)) {}

  /// Sets the record to write to. Null, the initial value: no journal.
  void use(std::shared_ptr<UploadRecord> record) { record_ = std::move(record); }

  /// Writes to the journal that the file is about to be registered. Repeated calls have no effect.
  void note();
  bool is_noted() const { return is_noted_; }
  /// Returns whether the journal has stored what note() wrote; false: not yet. True without a
  /// journal. Call after note(). Error, retryable: the journal cannot be written; call note() again
  /// before the retry.
  Result<bool> has_written();
  /// Whether there is no journal, or the last attempt to write what note() says has failed. False
  /// while the attempt continues.
  bool has_failed() const;
  /// Records the answer to the registration request. `may_be_registered`:
  /// Registration::may_be_registered(). If false, the journal is updated at once, because the
  /// process may end during a long wait for a retry.
  void answered(bool may_be_registered);

 private:
  const std::string file_;
  std::shared_ptr<UploadRecord> record_;
  bool is_noted_ = false;
};

}  // namespace sluice
