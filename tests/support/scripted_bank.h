#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "tests/support/scripted_http.h"
#include "tests/support/scripted_tus.h"

namespace sluice::test {

/// The Data Bank behind a ScriptedServer: the three protocols, in memory, for any dataset and any
/// token. Not thread-safe.
class ScriptedBank {
 public:
  /// `base_url`: the server's.
  explicit ScriptedBank(std::string base_url) : base_url_(std::move(base_url)) {}

  /// Processes a request and returns the raw response. Keeps at most `keeps` bytes of a chunk.
  std::string carry_out(const Seen& request, const Multipart& parsed, const std::string& body,
                        std::optional<std::size_t> keeps);

  void add_file(const std::string& name, const std::string& content) {
    registered_[name] = content;
  }
  /// Registers the file that is set up under `name` as `stored`, like the phased generation of
  /// 2018-08, whose responses repeat the first name.
  void store_as(const std::string& name, const std::string& stored) { stored_as_[name] = stored; }
  void lose_staging() {
    staged_.clear();
    tus_.clear();
  }
  ScriptedTus& tus() { return tus_; }
  const ScriptedTus& tus() const { return tus_; }
  /// Returns the registered file of that name; nullopt if there is none.
  std::optional<std::string> registered(const std::string& name) const;
  int registrations() const { return registrations_; }

 private:
  std::string add_registered(const std::string& name, const std::string& bytes);

  const std::string base_url_;
  /// By the request's target: the name and the bytes.
  std::map<std::string, std::pair<std::string, std::string>> staged_;
  std::map<std::string, std::string> registered_;
  std::map<std::string, std::string> stored_as_;
  int registrations_ = 0;
  ScriptedTus tus_;
};

}  // namespace sluice::test
