#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace sluice::torture {

/// A Data Bank that misbehaves at random.
class Server {
 public:
  virtual ~Server() = default;

  virtual std::string url() const = 0;
  /// sluice is about to be started once more.
  virtual void before_run() {}
  /// How many files were registered, each as often as it was.
  virtual int registrations() const = 0;
  /// Whether it holds exactly that file's bytes under that name.
  virtual bool holds(const std::string& name, const std::filesystem::path& file) const = 0;
  /// How often each fault struck, in words. Ends the server.
  virtual std::string end() = 0;
};

/// What the faults are made to measure for: the faults that begin an upload anew must get rarer the
/// longer it is, or it would never end.
struct Measure {
  std::uint64_t chunk_bytes = 1;  ///< about so much of the file is in one request
  std::uint64_t chunks = 1;       ///< about so many requests make the file
};

/// databankd with these `--fault SPEC`s, or with a choice of all kinds that a client can survive if
/// there is none; "none" is none at all. `tus`: it speaks that, else the phased protocol. A SPEC
/// that names no seed gets one made from `seed`.
std::unique_ptr<Server> make_databankd(std::vector<std::string> faults, const Measure& measure,
                                       std::uint64_t seed, bool tus);

/// tests/support/scripted_server.h: nothing of databankd is in it.
std::unique_ptr<Server> make_scripted(bool faults, const Measure& measure, std::uint64_t seed);

}  // namespace sluice::torture
