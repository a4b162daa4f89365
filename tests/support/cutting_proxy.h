#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

/// A TCP proxy on loopback that cuts connections at random bytes.
///
/// Each connection has its own place in either direction at which it ends, drawn from the seed and
/// the connection's number: exponentially distributed, so that some end in their first bytes and
/// some live long, whatever went through before. What came before that place is passed on. Then
/// each side gets, by chance, a reset (RST) or an orderly end (FIN), as if the other had gone.
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
    double mean_up = 0;    ///< bytes from the client until the cut, on average; 0: never
    double mean_down = 0;  ///< bytes from the server until the cut, on average; 0: never
    /// Sees what is about to be passed on, on the proxy's thread, which does nothing else
    /// meanwhile. `connection`: its number, from 0.
    std::function<void(int connection, Way way, std::string_view bytes)> before_passing_on{};
  };

  /// Listens from now on. Throws std::system_error.
  explicit CuttingProxy(Options options);
  /// Resets whatever is open.
  ~CuttingProxy();
  CuttingProxy(const CuttingProxy&) = delete;
  CuttingProxy& operator=(const CuttingProxy&) = delete;

  /// "http://127.0.0.1:PORT"
  std::string url() const;

  // Any thread.
  int connections() const;
  /// Connections that were cut, not counting those that ended of themselves.
  int cuts() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::test
