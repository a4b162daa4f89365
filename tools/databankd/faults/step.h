#pragma once

namespace sluice::databankd {

/// The kind of a request, as distinguished by faults and the log.
enum class Step {
  // The phased protocol.
  ask,       ///< setup without filesize: checks whether the name is taken
  setup,     ///< setup with filesize
  transfer,  ///< previous_size is 0 or more
  probe,     ///< a transfer with a negative previous_size: asks for the progress
  verify,
  // tus
  options,
  create,
  create_with_upload,  ///< a create with bytes of the file; "create-with-upload" on the command
                       ///< line
  head,
  patch,
  remove,           ///< DELETE; "delete" on the command line
  join,             ///< a create with Upload-Concat: final
  register_upload,  ///< the registration after a tus upload; "register" on the command line
  // The binary protocol.
  binary,
};

}  // namespace sluice::databankd
