#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace sluice::torture {

/// A Data Bank with random faults.
class Server {
 public:
  virtual ~Server() = default;

  virtual std::string url() const = 0;
  /// Called before each start of sluice.
  virtual void before_run() {}
  /// Returns the number of registrations.
  virtual int registrations() const = 0;
  /// Returns whether the server has exactly that file's bytes under that name.
  virtual bool holds(const std::string& name, const std::filesystem::path& file) const = 0;
  /// Ends the server. Returns how often each fault struck, as text.
  virtual std::string end() = 0;
};

/// The size of an upload, from which the probabilities of faults are derived: faults that restart
/// an upload must be rarer for longer uploads, or these would never end.
struct Measure {
  std::uint64_t chunk_bytes = 1;  ///< bytes of the file in a request, about
  std::uint64_t chunks = 1;       ///< requests for the file, about
};

/// Starts databankd with these `--fault SPEC`s; if empty, with a selection of all kinds that a
/// client can survive; "none" means no faults. `tus`: uses tus, else the phased protocol. A SPEC
/// without a seed gets one derived from `seed`.
std::unique_ptr<Server> make_databankd(std::vector<std::string> faults, const Measure& measure,
                                       std::uint64_t seed, bool tus);

/// Starts a tests/support/scripted_server.h, which shares no code with databankd.
std::unique_ptr<Server> make_scripted(bool faults, const Measure& measure, std::uint64_t seed);

}  // namespace sluice::torture
