#include "engine/upload/registration_journal.h"

#include <fmt/format.h>

#include <utility>

namespace sluice {

void RegistrationJournal::note() {
  if (std::exchange(is_noted_, true)) return;
  if (record_) record_->verifying();
}

Result<bool> RegistrationJournal::has_written() {
  if (!record_) return true;
  const std::optional<Result<void>> knows = record_->knows_of_verifying();
  if (!knows) return false;
  if (*knows) return true;
  is_noted_ = false;
  Error error = knows->error();
  error.message = fmt::format(
      "cannot register {} before the journal is written, because the next run would register "
      "the file a second time: {}",
      file_, error.message);
  error.scope = Error::Scope::run;
  return error;
}

bool RegistrationJournal::has_failed() const {
  if (!record_) return true;
  const std::optional<Result<void>> knows = record_->knows_of_verifying();
  return knows && !*knows;
}

void RegistrationJournal::answered(bool may_be_registered) {
  if (std::exchange(is_noted_, false) && !may_be_registered && record_) record_->not_verifying();
}

}  // namespace sluice
