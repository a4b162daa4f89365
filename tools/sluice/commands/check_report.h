#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/http/http_proxy.h"
#include "engine/http/trust.h"
#include "engine/journal/dataset_lock.h"
#include "engine/journal/server_facts.h"
#include "engine/protocol/server_profile.h"
#include "io/result.h"
#include "tools/sluice/commands/disk_rate.h"

/// The result of `sluice check`, as text and as JSON.
namespace sluice::cli {

/// The state directory.
struct StateFindings {
  std::string directory;
  bool usable = false;   ///< journal and locks can be written
  bool journal = false;  ///< a usable journal exists
  /// The process that uploads into the dataset now, if any and if a dataset was given.
  std::optional<DatasetLock::Holder> uploading;
};

/// All results.
struct Findings {
  std::string url;
  std::string dataset;
  bool had_token = false;
  std::optional<Trust> trust;  ///< empty without TLS
  std::optional<Proxy> proxy;  ///< empty if not checked
  std::optional<ServerProfile> server;
  ServerFacts facts;
  std::optional<StateFindings> state;
  std::optional<DiskRate> disk;
  std::vector<std::string> warnings;
  std::optional<Error> error;
};

/// Returns the whole days until the server's certificate expires, negative if it has expired;
/// nullopt without TLS.
std::optional<std::int64_t> certificate_days_left(const Findings& findings);

/// Returns lines with a label each.
std::string text_of(const Findings& findings);

/// Returns a JSON object in one line.
std::string json_of(const Findings& findings);

}  // namespace sluice::cli
