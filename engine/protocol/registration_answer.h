#pragma once

#include <string>

#include "engine/protocol/protocol.h"

/// Whose answer to a registration this is: the Data Bank's own, or that of something in front of
/// it. A front server can answer 403, 429 or 504 after the Data Bank has registered the file, so no
/// status decides by itself. Pure functions, any thread.
namespace sluice {

struct RegistrationAnswer {
  /// Only texts that the Data Bank is known to send, with their statuses, are its own (protocol,
  /// common facts and sections 1 and 2).
  enum class Verdict {
    registered,
    token_refused,    ///< 401 `HTTP Token: Access denied.`
    no_such_dataset,  ///< 404 `Dataset Not Found`
    no_such_upload,   ///< 400 `Invalid TUS upload reference`
    no_such_request,  ///< 500 `invalid request`: the server speaks another protocol
    in_doubt,         ///< anything else: the file may be registered
  };

  Verdict verdict = Verdict::in_doubt;
  /// If registered: the name that the answer says. A name that a file in a dataset can have
  /// (check_deposit_name()), or empty where the answer says no such name. Untrusted otherwise.
  std::string name{};
};

/// The text of a success: "successfully uploaded NAME\nsee in dataset at ..." of tus and the
/// one-shot form, "NAME successfully uploaded.  Refresh dataset page ..." of a verify.
enum class RegistrationForm { upload, verify };

RegistrationAnswer read_registration_answer(const Answer& answer, RegistrationForm form);

/// Whether the Data Bank itself has refused to register the file, so that nothing was registered.
bool refuses_registration(const Answer& answer);

}  // namespace sluice
