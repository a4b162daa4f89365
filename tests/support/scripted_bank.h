#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "tests/support/scripted_http.h"
#include "tests/support/scripted_tus.h"

namespace sluice::test {

/// The Data Bank behind a ScriptedServer: the three protocols as they should be, in memory, for any
/// dataset and any token. Not thread safe.
class ScriptedBank {
 public:
  /// `base_url`: the server's.
  explicit ScriptedBank(std::string base_url) : base_url_(std::move(base_url)) {}

  /// Does what is asked and answers, raw. Of a chunk, `keeps` bytes at most are kept.
  std::string carry_out(const Seen& request, const Multipart& parsed, const std::string& body,
                        std::optional<std::size_t> keeps);

  void add_file(const std::string& name, const std::string& content) {
    registered_[name] = content;
  }
  /// The file that is set up under the first name is registered under the second one from now on,
  /// as the phased generation of 2018-08 does; its answers repeat the first one.
  void store_as(const std::string& name, const std::string& stored) { stored_as_[name] = stored; }
  void lose_staging() {
    staged_.clear();
    tus_.clear();
  }
  ScriptedTus& tus() { return tus_; }
  const ScriptedTus& tus() const { return tus_; }
  /// What is registered under the name; nothing if none is.
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
