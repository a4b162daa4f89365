#include "tests/simulation/network.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

namespace sluice::sim {

using namespace std::chrono_literals;

void Network::arrive(const std::shared_ptr<Wire>& wire, std::function<void()> what,
                     std::uint64_t bytes) {
  Connection& connection = *wire->connection;
  if (connection.tcp != nullptr) {
    connection.tcp->write(bytes, std::move(what));
    return;
  }
  const auto when = std::max(link_.send(bytes, time_.steady_now()), connection.last_arrival);
  connection.last_arrival = when;
  time_.at(when, 0, std::move(what));
}

std::optional<Fault> Network::connect() {
  if (is_down()) return Fault::refused_connection;
  const auto fault = faults_.at_connect();
  if (fault) trace_.note(to_string(*fault));
  return fault;
}

std::shared_ptr<Connection> Network::make_connection() {
  auto connection = std::make_shared<Connection>(setting_.max_in_flight_bytes);
  if (!setting_.tcp) return connection;
  TcpSender::Setting tcp = *setting_.tcp;
  tcp.send_buffer = setting_.max_in_flight_bytes;
  senders_.push_back(std::make_unique<TcpSender>(tcp, time_, link_, loss_));
  connection->tcp = senders_.back().get();
  return connection;
}

void Network::send_head(const std::shared_ptr<Wire>& wire) {
  if (wire->connection->tcp != nullptr)
    wire->connection->tcp->set_on_writable([weak = std::weak_ptr<Wire>(wire)] {
      const auto alive = weak.lock();
      if (alive && alive->on_acknowledged) alive->on_acknowledged();
    });
  arrive(
      wire, [this, wire] { begin(wire); }, 400);
}

void Network::send(const std::shared_ptr<Wire>& wire, Piece piece) {
  const std::uint64_t size = piece.size();
  if (wire->connection->tcp == nullptr)
    wire->connection->window.sent(size, time_.steady_now(), link_.round_trip());
  arrive(
      wire, [this, wire, piece = std::move(piece)] { receive(wire, piece); }, size);
}

void Network::close(const std::shared_ptr<Wire>& wire) {
  wire->on_answer = nullptr;
  wire->on_reset = nullptr;
  wire->on_acknowledged = nullptr;
  if (wire->ended) return;
  arrive(
      wire,
      [this, wire] {
        if (wire->ended) return;
        // A server that has all of it does not notice.
        if (wire->begun && wire->arrived == wire->head.body_size) return;
        break_call(wire);
        end(wire);
      },
      0);
}

void Network::break_call(const std::shared_ptr<Wire>& wire) {
  if (wire->call && !setting_.front_collects) wire->call->broken();
  wire->call.reset();
}

void Network::end(const std::shared_ptr<Wire>& wire) {
  wire->ended = true;
  wires_.erase(wire->number);
}

void Network::begin(const std::shared_ptr<Wire>& wire) {
  if (wire->ended) return;
  wires_.emplace(wire->number, wire);
  wire->begun = true;
  if (wire->connection->dead || is_down()) {
    trace_.note("dead connection");
    reset(wire);
    return;
  }
  const auto fault = faults_.at_head(wire->head);
  if (fault) trace_.note(to_string(*fault), wire->head.body_size);
  if (setting_.on_request) setting_.on_request(wire->head);
  if (fault == Fault::lost_request) {
    reset(wire);
    return;
  }
  if (fault == Fault::swallowed_request) {
    wire->cut_at = 0;
    wire->cut_is_silent = true;
    return;
  }
  if (setting_.most_body && wire->head.body_size > *setting_.most_body) {
    trace_.note("413 for the size", wire->head.body_size);
    answer(wire, too_large());
    return;
  }
  if (fault == Fault::cut_body || fault == Fault::stalled_body || fault == Fault::too_large) {
    wire->cut_at = faults_.dice().below(wire->head.body_size);
    wire->cut_is_silent = fault == Fault::stalled_body;
    // Only a protocol with chunks can send less at once.
    if (fault == Fault::too_large && bank_.generation != Bank::Generation::binary)
      wire->cut_answer = too_large();
  }
  if (fault == Fault::cut_end)
    wire->cut_at =
        wire->head.body_size - std::min(wire->head.body_size, 100 + faults_.dice().below(100));
  wire->changes_byte = fault == Fault::changed_bytes;
  if (fault == Fault::early_status) {
    answer(wire, refusal(wire->head.body_size > 2000 ? Step::chunk : Step::other,
                         /*before_body=*/true));
    return;
  }
  wire->call = server_.begin(wire->head);
  if (strike_early(wire, {})) return;
  if (auto refused = wire->call->refusal()) {
    answer(wire, *std::move(refused));
    return;
  }
  if (wire->head.body_size == 0)
    complete(wire);
  else
    watch(wire);
}

/// Asks the script once it is clear what the request is about. Returns whether nothing more is to
/// be done with what has arrived.
bool Network::strike_early(const std::shared_ptr<Wire>& wire, std::string_view begin) {
  if (script_ == nullptr || wire->recognized) return false;
  const auto step = wire->call->step_of_begin(begin);
  if (!step) return false;
  wire->recognized = true;
  wire->strike = script_->arrived(*step, time_.steady_now());
  if (!wire->strike) return false;
  trace_.note("strike", static_cast<std::uint64_t>(*step));
  if (wire->strike->before) wire->strike->before();
  const auto fault = wire->strike->fault;
  if (fault == Fault::lost_request) {
    reset(wire);
    return true;
  }
  wire->cut_at = wire->strike->at;
  wire->cut_is_silent = fault == Fault::stalled_body;
  return false;
}

void Network::receive(const std::shared_ptr<Wire>& wire, const Piece& arrived) {
  if (wire->ended || wire->connection->dead) return;
  if (wire->arrived == 0 && wire->call && strike_early(wire, arrived.text)) return;
  Piece changed;
  if (!arrived.text.empty() && std::exchange(wire->changes_byte, false)) {
    changed = arrived;
    changed.text.front() ^= 1;
  }
  const Piece& piece = changed.size() > 0 ? changed : arrived;
  const auto hand_over = [&](const Piece& read) {
    if (read.counted > 0)
      wire->call->counted_body(read.counted);
    else
      wire->call->body(read.text);
  };
  if (wire->cut_at) {
    const std::uint64_t left = *wire->cut_at - std::min(*wire->cut_at, wire->arrived);
    if (piece.size() >= left) {
      if (wire->call && left > 0 && !setting_.front_collects) hand_over(piece.first(left));
      wire->arrived += left;
      if (wire->cut_is_silent) return;
      break_call(wire);
      if (wire->strike && wire->strike->answer)
        answer(wire, *wire->strike->answer);
      else if (wire->cut_answer)
        answer(wire, *wire->cut_answer);
      else
        reset(wire);
      return;
    }
  }
  wire->arrived += piece.size();
  ++wire->arrivals;
  if (setting_.on_received) setting_.on_received(piece.size());
  if (wire->connection->tcp == nullptr)
    time_.after(link_.round_trip() / 2, 0, [wire, size = piece.size()] {
      wire->connection->window.acknowledged(size);
      if (wire->on_acknowledged) wire->on_acknowledged();
    });
  if (setting_.front_collects)
    wire->kept.push_back(piece);
  else
    hand_over(piece);
  if (wire->arrived == wire->head.body_size)
    complete(wire);
  else
    watch(wire);
}

void Network::watch(const std::shared_ptr<Wire>& wire) {
  if (!setting_.body_patience) return;
  time_.after(*setting_.body_patience, 0, [this, wire, seen = wire->arrivals] {
    if (wire->ended || wire->arrivals != seen || wire->arrived == wire->head.body_size) return;
    trace_.note("408 for a pause");
    break_call(wire);
    answer(wire, reply(408, "Request Timeout"));
  });
}

void Network::complete(const std::shared_ptr<Wire>& wire) {
  for (const Piece& piece : wire->kept) {
    if (piece.counted > 0)
      wire->call->counted_body(piece.counted);
    else
      wire->call->body(piece.text);
  }
  wire->kept.clear();
  const Step step = wire->call->step();
  trace_.note(to_string(step), wire->head.body_size);
  auto fault = script_ == nullptr ? faults_.at_complete(step)
               : wire->strike     ? wire->strike->fault
                                  : std::nullopt;
  if (fault) trace_.note(to_string(*fault));
  Dice& dice = faults_.dice();
  Duration thinks = setting_.thinks + Duration(dice.below(2'000'000));
  if (registers(step)) thinks += setting_.registers;
  const bool is_scripted = wire->strike && wire->strike->takes;
  if (is_scripted) thinks += *wire->strike->takes;
  // A setup that is carried out behind the chunks that followed it would delete them, between the
  // last question and the registration: no client could know, least of all one that was killed
  // within the setup and started again. It takes no time at the server. Other requests take less
  // than the engine waits before it registers a file again: 30 s.
  if (fault == Fault::think && step != Step::setup && !is_scripted)
    thinks += std::chrono::milliseconds(dice.between(1000, 20'000));
  if (fault == Fault::late && step != Step::setup) {
    if (!is_scripted) thinks += std::chrono::milliseconds(dice.between(100, 20'000));
    // The work goes on without a connection.
    if (wire->on_reset)
      time_.after(1ms, 0, [wire] {
        if (wire->on_reset) wire->on_reset();
      });
    wire->connection->dead = true;
  }
  if (fault == Fault::late && step == Step::setup) fault = Fault::lost_answer;
  // A success without tus's headers would say that the server does not speak it.
  if ((fault == Fault::garbage || fault == Fault::page_before) && step == Step::options)
    fault = Fault::lost_answer;
  if (fault == Fault::restart) {
    restart();
    return;
  }
  time_.after(thinks, 0, [this, wire, fault] { carry_out(wire, fault); });
}

Answer Network::finish(const std::shared_ptr<Wire>& wire) {
  Answer answer = wire->call->finish();
  trace_.note("carried out", static_cast<std::uint64_t>(answer.status));
  trace_.say("  {} {} -> {} {}", to_string(wire->call->step()), wire->head.path, answer.status,
             answer.body.substr(0, 80));
  return answer;
}

void Network::carry_out(const std::shared_ptr<Wire>& wire, std::optional<Fault> fault) {
  if (wire->ended) return;
  const Step step = wire->call->step();
  if (wire->strike && wire->strike->answer) {
    if (wire->strike->carried_out)
      static_cast<void>(finish(wire));
    else
      wire->call->broken();
    answer(wire, *wire->strike->answer);
    return;
  }
  switch (fault.value_or(Fault::think)) {
    case Fault::status_before:
      wire->call->broken();
      answer(wire, refusal(step, /*before_body=*/false));
      return;
    case Fault::front_before:
      wire->call->broken();
      answer(wire, page(/*after=*/false));
      return;
    case Fault::page_before: {
      wire->call->broken();
      Answer placeholder = page(/*after=*/false);
      placeholder.status = 200;
      answer(wire, std::move(placeholder));
      return;
    }
    case Fault::forgets:
      answer(wire, finish(wire));
      // A front server keeps the connection.
      wire->connection->dead = faults_.dice().chance(0.5);
      restart();
      return;
    case Fault::part_kept:
      answer(wire, wire->call->finish_with_part(faults_.dice()));
      return;
    case Fault::front_after:
      static_cast<void>(finish(wire));
      answer(wire, page(/*after=*/true));
      return;
    case Fault::swallowed_request:  // of a script, which has let all of it arrive
      wire->call->broken();
      end(wire);
      return;
    case Fault::lost_answer:
      static_cast<void>(finish(wire));
      reset(wire);
      return;
    case Fault::silent_answer:
    case Fault::late:
      static_cast<void>(finish(wire));
      end(wire);
      return;
    case Fault::partly:
      wire->call->finish_partly(faults_.dice());
      reset(wire);
      return;
    case Fault::garbage: {
      const Answer right = finish(wire);
      answer(wire, reply(right.status, std::string("\x00\xff\x1b[31m<garbage>", 15)));
      return;
    }
    case Fault::cut_answer: {
      Answer right = finish(wire);
      right.body.resize(right.body.size() / 2);
      right.truncated = true;
      if (right.status < 400)
        reset(wire);  // curl says nothing of an answer whose body breaks
      else
        answer(wire, std::move(right));
      return;
    }
    default:
      answer(wire, finish(wire));
  }
}

Answer Network::refusal(Step step, bool before_body) {
  Dice& dice = faults_.dice();
  Answer refused = reply(before_body ? dice.pick({413, 413, 503, 503, 429, 401, 408})
                                     : dice.pick({500, 503, 503, 429, 401, 423, 408, 504}));
  // Only what a request with bytes can be refused for, and where less can be sent at once.
  if (refused.status == 413 && bank_.generation == Bank::Generation::binary) refused.status = 503;
  if (refused.status == 413 && step != Step::chunk && step != Step::patch) refused.status = 503;
  if (refused.status == 401) refused.body = "HTTP Token: Access denied.\n";
  if ((refused.status == 503 || refused.status == 429) && dice.chance(0.5))
    refused.retry_after = faults_.retry_after(std::chrono::seconds(dice.between(1, 90)));
  return refused;
}

Answer Network::too_large() {
  Answer answer = reply(413, "<html><h1>413 Request Entity Too Large</h1></html>");
  answer.headers.emplace_back("content-type", "text/html");
  return answer;
}

Answer Network::page(bool after) {
  Dice& dice = faults_.dice();
  Answer answer =
      reply(after ? dice.pick({502, 504, 403, 429, 499}) : dice.pick({502, 503, 404, 403, 429}),
            "<html><body><h1>Deployment</h1></body></html>");
  answer.headers.emplace_back("content-type", "text/html");
  answer.headers.emplace_back("server", "nginx");
  return answer;
}

void Network::answer(const std::shared_ptr<Wire>& wire, Answer answer) {
  const bool whole = wire->arrived == wire->head.body_size;
  end(wire);
  if (!whole) wire->connection->dead = true;  // it closes on what it does not read
  time_.after(link_.round_trip() / 2, 0, [wire, answer = std::move(answer)] {
    if (wire->on_answer) wire->on_answer(answer);
  });
}

void Network::reset(const std::shared_ptr<Wire>& wire) {
  end(wire);
  wire->connection->dead = true;
  time_.after(link_.round_trip() / 2, 0, [wire] {
    if (wire->on_reset) wire->on_reset();
  });
}

void Network::restart() {
  trace_.note("server restarts");
  const auto all = wires_;
  for (const auto& [number, wire] : all) {
    if (wire->arrived < wire->head.body_size) break_call(wire);
    reset(wire);
  }
  server_.restart(faults_.dice());
}

void Network::go_down(Clock::time_point until) {
  down_until_ = until;
  const auto all = wires_;
  for (const auto& [number, wire] : all) {
    if (wire->arrived == wire->head.body_size) continue;
    break_call(wire);
    reset(wire);
  }
}

}  // namespace sluice::sim
