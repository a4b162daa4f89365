#include "tests/simulation/transport.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/base/persistence.h"
#include "engine/http/curl_failure.h"

namespace sluice::sim {
namespace {

using namespace std::chrono_literals;

// Of a counted body: enough for the head and the end of a form.
constexpr std::uint64_t real_at_begin = 4096;
constexpr std::uint64_t real_at_end = 1024;
/// Stays in the first cache: 256 KiB take twice as long.
constexpr std::size_t scratch_bytes = std::size_t{32} << 10;

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

Head head_of(const Exchange& exchange) {
  Head head;
  head.method = exchange.method;
  const std::size_t path = exchange.url.find('/', exchange.url.find("//") + 2);
  head.path = path == std::string::npos ? "/" : exchange.url.substr(path);
  for (const std::string& header : exchange.headers) {
    const std::size_t colon = header.find(':');
    if (colon + 1 == header.size()) continue;  // taken away
    head.headers[lower(header.substr(0, colon))] = header.substr(colon + 2);
  }
  head.body_size = exchange.body_size;
  return head;
}

/// Whether the answer to a registration leaves no doubt, by the texts of the specification.
bool is_clear(const Answer& answer) {
  if (answer.truncated) return false;
  const auto says = [&](const char* text) { return answer.body.find(text) != std::string::npos; };
  switch (answer.status) {
    case 200:
      return says("successfully uploaded");
    case 401:
      return says("Access denied");
    case 404:
      return says("Dataset Not Found");
    case 400:
      return says("Invalid TUS upload reference");
    case 500:
      return says("invalid request");
    default:
      return false;
  }
}

}  // namespace

SimTransport::SimTransport(const Setting& setting, Timeline& time, Timeline::Owner owner,
                           Trace& trace, Network& network, Doubt& doubt)
    : setting_(setting),
      time_(time),
      owner_(owner),
      trace_(trace),
      network_(network),
      doubt_(doubt),
      next_wire_(std::uint64_t{owner} << 32),
      scratch_(setting.bodies == Bodies::counted ? scratch_bytes : 0) {}

SimTransport::~SimTransport() {
  stop();
  drain();
}

void SimTransport::stop() {
  die();
  drain();
}

bool SimTransport::drain() {
  bool did_any = false;
  do {
    while (!entries_.empty()) cancel(entries_.begin()->first);
    if (time_.run_owned(owner_) > 0) did_any = true;
  } while (!entries_.empty());
  return did_any;
}

void SimTransport::post(std::function<void()> work) {
  time_.after(0ns, owner_, std::move(work));
}

void SimTransport::post_at(Clock::time_point when, std::function<void()> work) {
  time_.at(when, owner_, std::move(work));
}

SimTransport::Entry* SimTransport::find(ExchangeId id) {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second;
}

Transport::ExchangeId SimTransport::start(const Exchange& exchange, OnAnswer on_answer) {
  const ExchangeId id = next_id_++;
  Entry& entry = entries_[id];
  entry.exchange = exchange;
  entry.on_answer = std::move(on_answer);
  // Noted before its connection is made: what must not be sent twice asks for one of its own kind.
  if (exchange.connection != Request::Connection::any) doubt_.refused = false;
  trace_.note("start", id, exchange.body_size);
  trace_.say("  {} {} [{}]", to_string(exchange.method), exchange.url, id);
  if (dead_)
    post([this, id] { cancel(id); });
  else
    post([this, id] { take_connection(id, false); });
  return id;
}

void SimTransport::take_connection(ExchangeId id, bool fresh) {
  Entry* const entry = find(id);
  if (entry == nullptr || dead_) return;
  const auto now = time_.steady_now();
  entry->moved_at = now;
  entry->handed = 0;
  entry->starved = false;
  entry->begin_of_body.clear();
  ++entry->tries;
  // Whose end the server has sent is closed.
  std::erase_if(kept_, [&](const auto& kept) {
    return now - kept->idle_since > network_.setting().keeps_idle;
  });
  using Kind = Request::Connection;
  const Kind kind = entry->exchange.connection;
  std::shared_ptr<Connection> connection;
  if (!fresh && kind != Kind::own && kind != Kind::fresh && !kept_.empty() &&
      (kind == Kind::any || now - kept_.back()->idle_since <= 1s)) {
    connection = kept_.back();
    kept_.pop_back();
    connection->carried = true;
  } else {
    connection = network_.make_connection();
    ++connections_;
  }
  entry->new_connection = !connection->established;
  entry->wire = std::make_shared<Wire>();
  entry->wire->number = ++next_wire_;
  entry->wire->head = head_of(entry->exchange);
  entry->wire->connection = connection;
  const std::weak_ptr<bool> alive = alive_;
  const std::uint64_t tries = entry->tries;
  if (!entry->new_connection) {
    connected(id, tries);
    return;
  }
  time_.after(network_.link().round_trip(), 0, [this, alive, id, tries] {
    if (alive.expired()) return;
    Entry* const own = find(id);
    if (own == nullptr || own->tries != tries) return;
    const auto fault = network_.connect();
    if (fault == Fault::lost_connecting) return;
    if (fault) {
      fail(id, CURLE_COULDNT_CONNECT, "Connection refused");
      return;
    }
    connected(id, tries);
  });
  watch(id);
}

void SimTransport::connected(ExchangeId id, std::uint64_t tries) {
  Entry& entry = entries_.at(id);
  const std::shared_ptr<Wire> wire = entry.wire;
  wire->connection->established = true;
  entry.moved_at = time_.steady_now();
  const std::weak_ptr<bool> alive = alive_;
  const auto guarded = [this, alive, id, tries](auto what) {
    return [this, alive, id, tries, what](auto&&... values) {
      if (alive.expired()) return;
      const Entry* const own = find(id);
      if (own == nullptr || own->tries != tries) return;
      (this->*what)(id, std::forward<decltype(values)>(values)...);
    };
  };
  wire->on_answer = guarded(&SimTransport::answered);
  wire->on_reset = guarded(&SimTransport::broke);
  wire->on_acknowledged = guarded(&SimTransport::pump);
  network_.send_head(wire);
  watch(id);
  pump(id);
}

SimTransport::Read SimTransport::read_piece(Entry& entry, std::uint64_t room) {
  RequestBody& body = *entry.exchange.body;
  const std::uint64_t left = entry.exchange.body_size - entry.handed;
  std::uint64_t most =
      std::min<std::uint64_t>({left, setting_.piece_bytes, std::max<std::uint64_t>(1460, room)});
  if (setting_.bodies == Bodies::counted && entry.handed >= real_at_begin && left > real_at_end) {
    most = std::min(most, left - real_at_end);
    Read read;
    while (read.piece.counted < most) {
      const auto into = std::span(scratch_).first(static_cast<std::size_t>(
          std::min<std::uint64_t>(scratch_.size(), most - read.piece.counted)));
      const RequestBody::Piece got = body.read(into);
      if (got.next != RequestBody::Next::bytes) {
        // The next read gives the same result.
        if (read.piece.counted == 0) read.next = got.next;
        return read;
      }
      read.piece.counted += got.size;
    }
    return read;
  }
  if (setting_.bodies == Bodies::counted && entry.handed < real_at_begin)
    most = std::min(most, real_at_begin - entry.handed);
  std::string text(static_cast<std::size_t>(most), '\0');
  const RequestBody::Piece got = body.read(std::as_writable_bytes(std::span(text)));
  text.resize(got.next == RequestBody::Next::bytes ? got.size : 0);
  return {got.next, Piece{.text = std::move(text)}};
}

void SimTransport::pump(ExchangeId id) {
  while (true) {
    Entry* const entry = find(id);
    if (entry == nullptr || entry->starved || !entry->wire || dead_) return;
    if (entry->exchange.body_size == entry->handed) return;
    const Connection& connection = *entry->wire->connection;
    const bool has_room =
        connection.tcp != nullptr ? connection.tcp->is_writable() : connection.window.has_room();
    if (!has_room) return;
    Read got = read_piece(
        *entry, connection.tcp != nullptr ? connection.tcp->room() : connection.window.room());
    switch (got.next) {
      case RequestBody::Next::not_yet:
        entry->starved = true;
        return;
      case RequestBody::Next::failed:
        finish(id, Error{ErrorKind::failed, "cannot produce the body of the request",
                         CURLE_ABORTED_BY_CALLBACK});
        return;
      case RequestBody::Next::bytes:
        break;
    }
    entry->handed += got.piece.size();
    entry->moved_at = time_.steady_now();
    if (entry->begin_of_body.size() < 2000) {
      entry->begin_of_body += got.piece.text.substr(0, 2000);
      if (doubt_.refused && registers(*entry)) doubt_.refused = false;
    }
    trace_.note("sent", id, entry->handed);
    network_.send(entry->wire, std::move(got.piece));
    if (entry->handed == entry->exchange.body_size) watch(id);  // for the answer from now on
  }
}

void SimTransport::resume(ExchangeId id) {
  post([this, id] {
    Entry* const entry = find(id);
    if (entry == nullptr || !std::exchange(entry->starved, false)) return;
    entry->moved_at = time_.steady_now();
    // A watch that is due goes on by itself. For a body of terabytes, one for each pause is too
    // many.
    if (setting_.bodies == Bodies::real || entry->watches == 0) watch(id);
    pump(id);
  });
}

/// The rule of HttpTransfer::stalled().
void SimTransport::watch(ExchangeId id) {
  Entry* const entry = find(id);
  if (entry == nullptr) return;
  const bool connecting = !entry->wire->connection->established;
  const bool all_sent = !connecting && entry->handed == entry->exchange.body_size;
  const auto limit = connecting ? setting_.connect_timeout
                     : all_sent ? entry->exchange.response_timeout
                                : setting_.stall_timeout;
  const std::weak_ptr<bool> alive = alive_;
  ++entry->watches;
  time_.at(entry->moved_at + limit, 0,
           [this, alive, id, tries = entry->tries, moved = entry->moved_at, connecting, all_sent] {
             if (alive.expired()) return;
             Entry* const own = find(id);
             if (own == nullptr) return;
             --own->watches;
             if (own->tries != tries || own->starved) return;
             const bool all_now =
                 own->wire->connection->established && own->handed == own->exchange.body_size;
             if (own->moved_at != moved || all_now != all_sent) {
               if (!connecting) watch(id);
               return;
             }
             if (connecting) {
               if (!own->wire->connection->established)
                 fail(id, CURLE_OPERATION_TIMEDOUT, "Connection timed out");
               return;
             }
             finish(id, Error{ErrorKind::unreachable, "timed out",
                              all_sent ? Transport::unanswered
                                       : static_cast<int>(CURLE_OPERATION_TIMEDOUT),
                              true});
           });
}

void SimTransport::answered(ExchangeId id, Answer answer) {
  Entry& entry = entries_.at(id);
  reached_ = true;
  if (setting_.kernel_tells) answer.network = facts(entry.wire->connection.get());
  trace_.note("answer", id, static_cast<std::uint64_t>(answer.status));
  const bool whole = entry.handed == entry.exchange.body_size;
  if (whole && !answer.truncated) {
    entry.wire->connection->idle_since = time_.steady_now();
    kept_.push_back(entry.wire->connection);
  }
  if (answer.status < 300 && !whole) {
    finish(id, Error{ErrorKind::unreachable,
                     fmt::format("the server sent HTTP {} before it had received the whole request",
                                 answer.status),
                     CURLE_SEND_ERROR, true});
    return;
  }
  finish(id, std::move(answer));
}

void SimTransport::broke(ExchangeId id) {
  Entry& entry = entries_.at(id);
  trace_.note("reset", id, entry.handed);
  // HttpTransfer::met_a_dead_connection(): the server has seen nothing of it, probably.
  if (!entry.new_connection && (entry.exchange.body == nullptr || entry.exchange.body->rewind())) {
    network_.close(entry.wire);
    take_connection(id, /*fresh=*/true);
    return;
  }
  if (!entry.new_connection && entry.exchange.body != nullptr && entry.handed > 0) {
    fail(id, CURLE_SEND_FAIL_REWIND, "necessary data rewind wasn't possible");
    return;
  }
  fail(id, entry.handed == entry.exchange.body_size ? CURLE_RECV_ERROR : CURLE_SEND_ERROR,
       "Connection reset by peer");
}

void SimTransport::fail(ExchangeId id, int code, const std::string& text) {
  static const Proxy proxy;
  static const Trust trust;
  const CurlVerdict verdict = judge({.code = static_cast<CURLcode>(code),
                                     .text = text,
                                     .address = "http://bank.sim:80",
                                     .reached = reached_,
                                     .kept_connection = !entries_.at(id).new_connection,
                                     .proxy = proxy,
                                     .trust = trust});
  finish(id, with({ErrorKind::unreachable, verdict.message, code}, verdict.persistence));
}

void SimTransport::cancel(ExchangeId id) {
  finish(id, Error{ErrorKind::interrupted, "interrupted"});
}

void SimTransport::finish(ExchangeId id, Result<Answer> result) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  const Entry entry = std::move(found->second);
  entries_.erase(found);
  if (!dead_) note_doubt(entry, result);
  trace_.note("end", id, result ? static_cast<std::uint64_t>(result->status) : 0);
  if (!result) trace_.say("  [{}] {}", id, result.error().message);
  if (entry.wire && !dead_) network_.close(entry.wire);
  entry.on_answer(std::move(result));
}

bool SimTransport::registers(const Entry& entry) const {
  const auto says = [&](const char* text) {
    return entry.begin_of_body.find(text) != std::string::npos;
  };
  return entry.exchange.method == Request::Method::post && entry.exchange.body_size > 0 &&
         (says("\r\n\r\nverify\r\n") || says("name=\"tus_url\"") || says("name=\"binary\"")) &&
         says(doubt_.name.c_str());
}

void SimTransport::note_doubt(const Entry& entry, const Result<Answer>& result) {
  if (entry.handed < entry.exchange.body_size || !registers(entry)) return;
  if (!result || !is_clear(*result)) doubt_.open = true;
  doubt_.refused = result && is_clear(*result) && result->status >= 400;
}

Answer::Network SimTransport::facts(const Connection* connection) const {
  const auto round_trip =
      std::chrono::duration_cast<std::chrono::microseconds>(network_.setting().link.round_trip);
  Answer::Network facts;
  facts.round_trip = facts.least_round_trip = round_trip;
  facts.since_sent = round_trip;
  facts.max_in_flight_bytes = network_.setting().max_in_flight_bytes;
  facts.bbr = setting_.bbr;
  const TcpSender* const tcp = connection == nullptr ? nullptr : connection->tcp;
  if (tcp != nullptr) {
    using Unit = std::chrono::microseconds;
    facts.round_trip = std::chrono::duration_cast<Unit>(tcp->round_trip());
    facts.least_round_trip = std::chrono::duration_cast<Unit>(tcp->least_round_trip());
    facts.since_sent = std::chrono::duration_cast<Unit>(time_.steady_now() - tcp->last_sent());
    facts.sent_again = tcp->packets_sent_again();
    facts.bounded_by_buffer = tcp->bounded_by_buffer();
  }
  return facts;
}

std::optional<Answer::Network> SimTransport::network_of(ExchangeId id) const {
  const auto found = entries_.find(id);
  if (!setting_.kernel_tells || found == entries_.end()) return {};
  return facts(found->second.wire ? found->second.wire->connection.get() : nullptr);
}

void SimTransport::die() {
  if (std::exchange(dead_, true)) return;
  for (auto& [id, entry] : entries_) {
    note_doubt(entry, Error{ErrorKind::interrupted, "dead"});
    if (entry.wire) network_.close(entry.wire);
  }
  kept_.clear();
}

void SimTransport::kill_connections() {
  for (const auto& connection : kept_) connection->dead = true;
}

}  // namespace sluice::sim
