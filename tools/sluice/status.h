#pragma once

#include <string>

namespace sluice::cli {

struct StatusOptions {
  std::string state_dir;  ///< empty: the usual place
  bool all = false;       ///< what is finished too
  bool json = false;
};

/// `sluice status`: what the journal knows, newest first, on stdout. Returns the exit code.
int status(const StatusOptions& options);

struct ForgetOptions {
  std::string state_dir;
  std::string dataset;
  std::string name;
};

/// `sluice forget`: drops an unfinished upload from the journal; what the server holds of it stays
/// until another upload into that dataset begins. Returns the exit code.
int forget(const ForgetOptions& options);

}  // namespace sluice::cli
