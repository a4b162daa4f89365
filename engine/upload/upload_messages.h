#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "engine/protocol/protocol.h"
#include "engine/upload/registration.h"
#include "io/result.h"

namespace sluice {

/// The error messages of one upload: what failed, on which file and at which offset, whether the
/// file may be registered, and what to do. The texts of the protocol and of the transport become
/// part of them. Performs no I/O. Network thread only.
class UploadMessages {
 public:
  struct Setting {
    std::string file;                  ///< name of the file or of the part
    std::string name;                  ///< in the dataset
    std::string base_url;              ///< of the server
    std::string dataset;               ///< the dataset's key
    const Protocol& protocol;          ///< outlives this
    const Registration& registration;  ///< outlives this
    /// FileRegistration::unknown_to_later_runs(); called for each message.
    std::function<std::optional<std::chrono::seconds>()> unknown_to_later_runs;
  };

  explicit UploadMessages(Setting setting) : setting_(std::move(setting)) {}

  /// The beginning of a message about `request`: describe().
  std::string step(const Request& request) const;
  /// The end of a message about an upload whose registration is unconfirmed: that fact, and where
  /// to look or what to run. Where the next run may not know it, Protocol::doubt() does not apply:
  /// that run would delete the bytes that the server still registers (phased), or register the file
  /// a second time.
  std::string doubt() const;
  /// Adds the step, the server and the state of the registration to an error of `request`.
  Error failed(const Request& request, Error error) const;
  /// Error interrupted: the upload was cancelled at `offset`.
  Error interrupted(std::uint64_t offset) const;
  /// Error failed: the server refused the chunk of `request` as too large, and discards smaller
  /// ones.
  Error chunk_below_minimum(const Request& request) const;
  /// Error integrity: the server lost all bytes `losses` times.
  Error bytes_lost(unsigned losses) const;
  /// Error no_such_dataset: the server refused `request`, and no longer has a draft dataset.
  Error no_dataset(const Request& request) const;
  /// Error unreachable: the server refused `request` with HTTP `status` (401 or an error of the
  /// server), although the token is valid. `accepts_now`: the server has just accepted it.
  Error refused_valid_token(const Request& request, int status, bool accepts_now) const;

 private:
  const Setting setting_;
};

}  // namespace sluice
