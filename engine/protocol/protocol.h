#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/secret.h"
#include "engine/http/messages.h"
#include "io/result.h"

/// The interface between an upload and the protocols of a Data Bank.
///
/// A Protocol is a state machine for one upload. It builds requests and interprets responses. It
/// does no I/O, owns no thread and does not use curl, so each response that a server can give is a
/// unit test. Its caller, UploadRun (engine/upload/upload_run.h), repeats until next() returns
/// nullopt: take a request from next(), send the request, pass the response to read_answer().
///
/// Not thread safe. UploadRun calls it on its network thread.
namespace sluice {

/// The least size of a part of a file except the last part, in bytes: 5 MiB. With tus's
/// concatenation extension on S3, the server refuses to join shorter parts after all of them were
/// sent.
inline constexpr std::uint64_t least_part_bytes = std::uint64_t{5} << 20;

/// The state machine of one upload over one protocol.
class Protocol {
 public:
  virtual ~Protocol() = default;

  /// Returns the protocol's name as reports write it, for example "phased".
  virtual std::string_view name() const = 0;

  /// Returns the next request, or nullopt once the file is registered. `chunk_bytes`, at least 1:
  /// the payload of a chunk, or what remains of the file if that is less; a protocol may send more,
  /// up to least_chunk(). The caller must pass the response to read_answer(), or call recover(),
  /// before the next call of next().
  virtual std::optional<Request> next(std::uint64_t chunk_bytes) = 0;

  /// Returns the chunk that follows `last`, so that it can be pipelined while `last` is in flight.
  /// `last`: a chunk that is in flight or follows one that is, or a `begin` without payload that is
  /// in flight. The caller must hold back the returned chunk's last bytes until `last` is
  /// acknowledged. Returns nullopt if no chunk follows, or if the protocol does not allow pipelined
  /// chunks.
  virtual std::optional<Request> after(const Request& last, std::uint64_t chunk_bytes) const {
    static_cast<void>(last);
    static_cast<void>(chunk_bytes);
    return {};
  }
  /// Replaces a call of next() after a request was acknowledged: makes `request`, from after(), the
  /// request whose response read_answer() gets next.
  virtual void follows(const Request& request) { static_cast<void>(request); }

  /// Interprets the response to the last request. On success the state machine has advanced.
  /// Otherwise it has not, and the error says why (any ErrorKind but local_file, usage and
  /// interrupted). After a retryable error the caller may call recover(); any other error ends the
  /// upload. If the server refuses only the payload of a `begin`, the result is a success,
  /// upload_url() stays empty, and next() returns the same request without the payload.
  virtual Result<void> read_answer(const Answer& answer) = 0;

  /// Prepares a retry of the last request, whose response was lost or led to a retryable error.
  /// Where repeating the request could do harm, next() first asks for the server's state. May
  /// decrease committed() to what the server still holds.
  virtual void recover() = 0;
  /// Restarts from the beginning: next() asks the server to make room for the file again. The bytes
  /// that the server holds are not used, and committed() is 0.
  virtual void start_over() = 0;
  /// Makes next() ask whether the file is registered, whatever the state. Has no effect unless
  /// can_ask_registered().
  virtual void ask_registered() = 0;
  /// Sets the token that is removed from quoted responses.
  virtual void replace_token(const Secret& token) = 0;

  /// Returns how many bytes the server has acknowledged.
  virtual std::uint64_t committed() const = 0;

  /// Returns the least size in bytes of a chunk that does not reach the end of the file. The server
  /// discards the bytes of a smaller chunk. May grow with each response.
  virtual std::uint64_t least_chunk() const { return 1; }
  /// Reports that requests with more than `bytes` bytes of the file are refused (413). Lowers
  /// least_chunk() to `bytes`, unless a response has shown that the server needs the larger chunk.
  virtual void limit_chunk(std::uint64_t /*bytes*/) {}
  /// Returns whether the server stores a chunk's bytes as they arrive, and so can hold a part of a
  /// chunk. Otherwise the server stores each chunk completely or not at all.
  virtual bool keeps_parts_of_chunks() const { return false; }
  /// Returns whether ask_registered() can find out if the file is registered. If not, a `finish` or
  /// `whole` whose response was lost must not be retried automatically.
  virtual bool can_ask_registered() const { return true; }
  /// Returns whether the server has said that the file is registered. next() may then still ask for
  /// the file's name; no response to that question revokes the registration.
  virtual bool is_registered() const = 0;
  /// Returns the name under which the server has registered the file, once is_registered(). Empty
  /// if the name is the requested one, or not known. Passes check_deposit_name() and is otherwise
  /// untrusted.
  virtual std::string registered_name() const { return {}; }
  /// A part of the file that is complete on the server.
  struct Part {
    std::string url;         ///< absolute
    std::uint64_t size = 0;  ///< bytes
  };
  /// Sets the parts of the file, in the order of the file. All of them are complete on the server;
  /// next() asks the server to join them.
  virtual void join(std::vector<Part> parts) { static_cast<void>(parts); }
  /// Returns whether, after recover(), the server may still be joining the parts, because the
  /// response to the join was lost or did not decide.
  virtual bool may_be_joining() const { return false; }
  /// Returns the absolute URL that receives the file's bytes. Empty before the server has sent one,
  /// and for protocols without such a URL.
  virtual std::string upload_url() const { return {}; }

  /// What the next attempt of the same upload must send again, after the last response ended this
  /// attempt and nothing can have been registered.
  enum class Anew {
    nothing,          ///< another attempt would fail again
    what_is_missing,  ///< only the bytes that the server no longer holds
    all,              ///< the whole file
    whole,            ///< the whole file, in one piece: the server refuses to join the parts
  };
  /// Returns what another attempt must send; set by the last response.
  virtual Anew anew() const { return Anew::nothing; }

  /// Returns the end of the error message of an upload whose registration is unconfirmed: that
  /// fact, and where to look or what to run, given that the next run knows of it from the journal.
  /// No error of read_answer() contains this text.
  virtual std::string doubt() const = 0;
};

/// What an earlier run of the same upload left behind.
struct Resumption {
  /// The most bytes of the file that the earlier run may have sent. The server cannot hold more.
  std::uint64_t sent = 0;
  /// The earlier run may have sent the request that registers the file, so the file may be
  /// registered.
  bool finishing = false;
};

/// What a protocol needs to know about the file.
struct Deposit {
  std::string dataset;     ///< passes check_dataset_key()
  std::string name;        ///< passes check_deposit_name()
  std::uint64_t size = 0;  ///< bytes, at most max_file_size
  /// The name under which the server registered this same file for an earlier run; empty for none.
  std::string stored_before{};
};

}  // namespace sluice
