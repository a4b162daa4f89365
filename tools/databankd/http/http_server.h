#pragma once

#include <memory>
#include <string>

#include "io/result.h"
#include "tools/databankd/faults/faults.h"
#include "tools/databankd/http/listener.h"
#include "tools/databankd/http/server_threads.h"
#include "tools/databankd/protocol/protocols.h"
#include "tools/databankd/protocol/tus_settings.h"
#include "tools/databankd/store/data_bank.h"

struct MHD_Daemon;

namespace sluice::databankd {

/// Serves a DataBank over HTTP/1.1 with one thread for each connection, so that a body is parsed,
/// hashed and written on one thread. libmicrohttpd parses HTTP and forms.
///
/// Runs from start() until the destructor, which closes every connection and joins their threads.
/// Both must be called on the same thread.
class HttpServer {
 public:
  enum class Log {
    quiet,          ///< no log
    registrations,  ///< a line for each file that is registered
    requests,       ///< also for each request, and for each fault that strikes
  };

  struct Options {
    Log log = Log::registrations;
    Protocols protocols;
    TusSettings tus;
    ServerThreads::Options threads;
  };

  /// Starts the server. `bank` and `faults` must outlive it. The log goes to stderr and never
  /// contains a token.
  static Result<std::unique_ptr<HttpServer>> start(DataBank& bank, FaultPlan& faults,
                                                   Listener listener, Options options);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  const std::string& url() const { return listener_.url; }
  DataBank& bank() { return bank_; }
  FaultPlan& faults() { return faults_; }
  ServerThreads& threads() { return threads_; }
  Log log() const { return options_.log; }
  const Options& options() const { return options_; }

 private:
  HttpServer(DataBank& bank, FaultPlan& faults, Listener listener, Options options)
      : bank_(bank),
        faults_(faults),
        listener_(std::move(listener)),
        options_(std::move(options)),
        threads_(options_.threads) {}

  DataBank& bank_;
  FaultPlan& faults_;
  const Listener listener_;
  const Options options_;
  ServerThreads threads_;
  MHD_Daemon* daemon_ = nullptr;
};

}  // namespace sluice::databankd
