#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "engine/base/secret.h"
#include "engine/upload.h"
#include "io/result.h"
#include "io/sync.h"
#include "tools/sluice/display/console.h"
#include "tools/sluice/run/upload_options.h"
#include "tools/sluice/tokens/token_expiry.h"
#include "tools/sluice/tokens/token_source.h"

namespace sluice::cli {

/// The tokens of one `sluice put`, `run` or `resume`: finds the token of each dataset, replaces a
/// refused token by the new content of its file, and warns of tokens that expire. One thread at a
/// time, except as stated.
class RunTokens {
 public:
  using Clock = std::chrono::steady_clock;

  /// Both arguments must outlive this object.
  RunTokens(const UploadOptions& options, Console& console)
      : options_(options), console_(console) {}

  /// Finds the token of the dataset and sets token and token_file of `request`. `request` must have
  /// the base URL and the dataset, and for an earlier upload its token file. Warns of unsafe file
  /// permissions. Errors: those of find_token() (tokens/token_source.h), and usage for --token-wait
  /// without a file to wait for.
  Result<void> find(UploadRequest& request, EnvironmentToken environment);

  /// Lets the upload of `request` read its token file again when the token is refused. If an
  /// earlier upload has done that, sets the new token.
  void renew_for(UploadRequest& request);

  /// A wait for another token, over several refusals.
  struct Wait {
    std::chrono::seconds length;  ///< --token-wait
    Clock::time_point deadline;
    bool is_announced = false;  ///< the warning was printed
  };
  /// Blocks until the token file of `request` has another token than `refused`, and returns that
  /// token. Prints a warning at the first wait. Errors: `refusal`, with the advice of
  /// store_advice(), at the deadline; interrupted, by a stop signal.
  Result<Secret> wait_for_another(const UploadRequest& request, const Secret& refused,
                                  Error refusal, Wait& wait) const;

  /// Warns once of each stored token that has expired or will expire within `left` seconds, the
  /// time until the uploads end; nullopt: unknown.
  void warn_of_expiry(std::optional<double> left);

  /// Returns the advice for an error about a refused token of the store; empty for other errors.
  std::string store_advice(const Error& error, const UploadRequest& request) const;

 private:
  /// Reads the token file again after a token was refused. Returns its token; nullopt if it cannot
  /// be read. Later uploads use the new token. Any thread.
  std::optional<Secret> renewed(const std::string& file);

  const UploadOptions& options_;
  Console& console_;
  /// A token in use from the store. `warned`: when the token that was warned of was stored.
  struct StoredTokenUse {
    std::string system;
    std::string dataset;
    std::optional<WallTime> warned = {};
  };
  std::map<std::string, StoredTokenUse> stored_;  ///< by file
  std::set<std::string> warnings_;  ///< printed warnings: many uploads have the same token file
  Mutex mutex_;
  std::map<std::string, Secret> renewed_ SLUICE_GUARDED_BY(mutex_);  ///< by file
};

}  // namespace sluice::cli
