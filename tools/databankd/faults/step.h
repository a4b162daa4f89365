#pragma once

namespace sluice::databankd {

/// What a request asks for, as far as faults and the log tell requests apart.
enum class Step {
  // The phased protocol, with its two harmless questions.
  ask,       ///< setup without filesize: is the name taken?
  setup,     ///< with one
  transfer,  ///< previous_size 0 or more
  probe,     ///< a transfer with a negative previous_size: how far did it get?
  verify,
  // tus
  options,
  create,
  create_with_upload,  ///< a create with bytes of the file; "create-with-upload" there
  head,
  patch,
  remove,  ///< DELETE; "delete" on the command line
  join,    ///< a create with Upload-Concat: final
  enlist,  ///< the call behind a tus upload; "register" on the command line
  // one request for all
  binary,
};

}  // namespace sluice::databankd
