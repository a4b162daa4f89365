#pragma once

#include <string>

#include "engine/protocol/protocol.h"

/// Readers of the response to a registration. They tell the Data Bank's own responses from those of
/// a reverse proxy. No status decides by itself, because a reverse proxy can answer 403, 429 or 504
/// after the Data Bank has registered the file. Pure functions, any thread.
namespace sluice {

/// What the response to a registration means.
struct RegistrationAnswer {
  /// A response counts as the Data Bank's own only if its text and status are known to be sent by a
  /// Data Bank (protocol, common facts and sections 1 and 2).
  enum class Verdict {
    registered,
    token_refused,    ///< 401 `HTTP Token: Access denied.`
    no_such_dataset,  ///< 404 `Dataset Not Found`
    no_such_upload,   ///< 400 `Invalid TUS upload reference`
    no_such_request,  ///< 500 `invalid request`: the server speaks another protocol
    in_doubt,         ///< any other response: the file may be registered
  };

  Verdict verdict = Verdict::in_doubt;
  /// If `registered`: the file's name in the dataset, as the response has it. Passes
  /// check_deposit_name() and is otherwise untrusted. Empty if the response has no such name.
  std::string name{};
};

/// Which success text a registration has. `upload` (tus and binary): "successfully uploaded
/// NAME\nsee in dataset at ...". `verify` (phased): "NAME successfully uploaded.  Refresh dataset
/// page ...".
enum class RegistrationForm { upload, verify };

/// Returns the verdict and the name of the response to a registration of the form `form`.
RegistrationAnswer read_registration_answer(const Answer& answer, RegistrationForm form);

/// Returns whether the Data Bank itself refused to register the file. Then nothing was registered.
bool refuses_registration(const Answer& answer);

}  // namespace sluice
