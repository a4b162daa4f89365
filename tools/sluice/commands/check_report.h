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

/// What `sluice check` has found out, for a person and for a program.
namespace sluice::cli {

/// Of the state directory.
struct StateFindings {
  std::string directory;
  bool usable = false;   ///< uploads can be written down and locked there
  bool journal = false;  ///< there is one, which can be used
  /// Who uploads into the dataset now, if anyone does and a dataset was given.
  std::optional<DatasetLock::Holder> uploading;
};

/// All that was found out.
struct Findings {
  std::string url;
  std::string dataset;
  bool had_token = false;
  std::optional<Trust> trust;  ///< nothing without TLS
  std::optional<Proxy> proxy;  ///< nothing before it was looked for
  std::optional<ServerProfile> server;
  ServerFacts facts;
  std::optional<StateFindings> state;
  std::optional<DiskRate> disk;
  std::vector<std::string> warnings;
  std::optional<Error> error;
};

/// Whole days that the server's certificate is good for from now on, below 0 once it is over;
/// nothing without TLS.
std::optional<std::int64_t> certificate_days_left(const Findings& findings);

/// Lines, each with what it is about in front.
std::string text_of(const Findings& findings);

/// One JSON object, a line.
std::string json_of(const Findings& findings);

}  // namespace sluice::cli
