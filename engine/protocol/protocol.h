#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/secret.h"
#include "engine/http/messages.h"
#include "io/result.h"

/// The seam between an upload and the servers it can go to.
///
/// A Protocol is a state machine for one upload. It builds requests and reads answers; it does no
/// I/O, owns no thread and sees no curl, so every answer a server can give is a unit test. Whoever
/// drives it (engine/upload/upload_run.h) asks next(), carries the request out, and hands what came
/// back to read_answer(), until next() has nothing more to ask.
///
/// Not thread safe: one thread at a time, the network thread in practice.
namespace sluice {

/// The least that a part of a file may have, but for the last one (tus's concatenation extension on
/// S3): the server refuses to join shorter ones, after all of them were sent.
inline constexpr std::uint64_t least_part_bytes = std::uint64_t{5} << 20;

class Protocol {
 public:
  virtual ~Protocol() = default;

  /// As reports write it: "phased".
  virtual std::string_view name() const = 0;

  /// The next request, or nothing once the file is registered. `chunk_bytes`, at least 1: a chunk's
  /// payload has that many, or what is left of the file. Each request is to be answered, by
  /// read_answer(), before the next is asked for.
  virtual std::optional<Request> next(std::uint64_t chunk_bytes) = 0;

  /// The chunk behind `last`, a chunk that is out or is to follow one that is, or a `begin` without
  /// payload that is out, so that it can travel while `last` is being answered. Its last bytes must
  /// wait until `last` is confirmed. Nothing where there is no such chunk, or the protocol does not
  /// allow for it.
  virtual std::optional<Request> after(const Request& last, std::uint64_t chunk_bytes) const {
    static_cast<void>(last);
    static_cast<void>(chunk_bytes);
    return {};
  }
  /// Instead of next(): `request`, from after(), is the one whose answer comes next, as the one
  /// before it was confirmed.
  virtual void follows(const Request& request) { static_cast<void>(request); }

  /// What the answer to the last request means: either the machine has moved on, or it has not, and
  /// the error says why (any ErrorKind but local_file, usage and interrupted). A retryable error
  /// may be followed by recover(), any other is the end. A `begin` whose payload alone was refused
  /// is no error: upload_url() is empty then, and the same request follows without the payload.
  virtual Result<void> read_answer(const Answer& answer) = 0;

  /// The last request failed and may be tried again: its answer was lost, or read_answer() gave a
  /// retryable error. The next request finds out how things stand, where repeating blindly could do
  /// harm; committed() may go back, to what the server still has.
  virtual void recover() = 0;
  /// The server holds this upload's bytes, and none of them are wanted: the next request makes room
  /// for the file anew. committed() is 0 then.
  virtual void start_over() = 0;
  /// The file may have been registered after all: the next request asks, whatever was next before.
  virtual void ask_registered() = 0;
  /// The token is another one from now on: only so that it can be kept out of what is quoted.
  virtual void replace_token(const Secret& token) = 0;

  /// How many bytes the server has confirmed.
  virtual std::uint64_t committed() const = 0;

  /// The least that a chunk may have which does not reach the end of the file: the server throws
  /// away what is less. May grow as answers come.
  virtual std::uint64_t least_chunk() const { return 1; }
  /// No request of more than so many of the file's bytes gets through (413): a least_chunk() above
  /// that which was only supposed, and not seen, is given up.
  virtual void limit_chunk(std::uint64_t /*bytes*/) {}
  /// Whether the server keeps a chunk's bytes as they come, so that it can have a part of one; else
  /// a chunk is there as a whole or not at all.
  virtual bool keeps_parts_of_chunks() const { return false; }
  /// Whether ask_registered() can find out. Where not, a `finish` or `whole` whose answer was lost
  /// must not be sent again by itself.
  virtual bool can_ask_registered() const { return true; }
  /// Whether the server has said that the file is registered. What next() still asks then, if
  /// anything, is under which name, and no answer to that undoes it.
  virtual bool is_registered() const = 0;
  /// The name under which the server has registered the file, once is_registered(); empty where it
  /// is the one asked for, or not known. Passes check_deposit_name(), else untrusted.
  virtual std::string registered_name() const { return {}; }
  /// A part of the file that the server has.
  struct Part {
    std::string url;         ///< absolute
    std::uint64_t size = 0;  ///< bytes
  };
  /// The parts of the file are all there, in its order: they are to become one.
  virtual void join(std::vector<Part> parts) { static_cast<void>(parts); }
  /// After recover(): whether the server may be joining the parts now, as nobody knows what became
  /// of the request to.
  virtual bool may_be_joining() const { return false; }
  /// Where the bytes go, absolute, once the server has said so; empty before that, and where there
  /// is no such address.
  virtual std::string upload_url() const { return {}; }

  /// What the same upload, begun once more, does over where this one ends with the last answer and
  /// nothing of it can have been registered.
  enum class Anew {
    nothing,          ///< it would fail again
    what_is_missing,  ///< what the server does not have any more
    all,
    whole,  ///< all of it, and not in parts: the server has them, and does not join them
  };
  virtual Anew anew() const { return Anew::nothing; }

  /// Returns the end of the error of an upload whose registration is unconfirmed: says so, and
  /// where to look or what to run. No error of read_answer() says it already.
  virtual std::string doubt() const = 0;
};

/// What an earlier run of the same upload left behind.
struct Resumption {
  /// Bytes of the file that may have been sent: the server cannot hold more of it.
  std::uint64_t sent = 0;
  /// The file may be registered already: the request to do so may have gone out.
  bool finishing = false;
};

/// What a protocol has to know of the file.
struct Deposit {
  std::string dataset;     ///< passes check_dataset_key()
  std::string name;        ///< passes check_deposit_name()
  std::uint64_t size = 0;  ///< bytes, at most max_file_size
  /// The name that the server gave this very file when an earlier run registered it; empty for
  /// none.
  std::string stored_before{};
};

}  // namespace sluice
