#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

/// A TCP proxy on loopback that cuts connections at random bytes.
///
/// Each direction of each connection has a place where it is cut, derived from the seed and the
/// connection's number with an exponential distribution: some connections end in their first bytes,
/// others live long. Bytes before that place are forwarded. Then each side randomly gets a reset
/// (RST) or an orderly end (FIN), as if its peer had disconnected.
namespace sluice::test {

enum class Way {
  up,    ///< from the client to the server
  down,  ///< from the server to the client
};

class CuttingProxy {
 public:
  struct Options {
    std::string server{};  ///< "http://127.0.0.1:PORT"
    std::uint64_t seed = 0;
    double mean_up = 0;    ///< mean bytes from the client until the cut; 0: never
    double mean_down = 0;  ///< mean bytes from the server until the cut; 0: never
    /// Called before bytes are forwarded, on the proxy's thread, which waits. `connection`: its
    /// number, from 0.
    std::function<void(int connection, Way way, std::string_view bytes)> before_passing_on{};
  };

  /// Starts to listen. Throws std::system_error.
  explicit CuttingProxy(Options options);
  /// Resets all open connections.
  ~CuttingProxy();
  CuttingProxy(const CuttingProxy&) = delete;
  CuttingProxy& operator=(const CuttingProxy&) = delete;

  /// "http://127.0.0.1:PORT"
  std::string url() const;

  // Returns the number of connections. Any thread.
  int connections() const;
  /// Returns how many connections were cut, without those that ended by themselves.
  int cuts() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::test
