#include "tests/simulation/client.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "engine/upload/upload_preparation.h"
#include "engine/upload/upload_start.h"

namespace sluice::sim {
namespace {

/// An empty journal, to be copied: faster than creating its tables.
const std::string& empty_journal() {
  static const std::string bytes = [] {
    const auto made = Journal::in_memory();
    if (!made) throw std::runtime_error(made.error().message);
    return (*made)->serialize();
  }();
  return bytes;
}

}  // namespace

void SimExecutor::post(Work work, std::function<void()> event) {
  const auto about = [this](Duration mean) {
    const double factor = dice_.chance(setting_.busy) ? 50 : 2 * dice_.unit();
    return Duration(static_cast<std::int64_t>(static_cast<double>(mean.count()) * factor));
  };
  Duration delay{};
  switch (work) {
    case Work::read:
      in_vain_ = 0;
      delay = about(setting_.read);
      break;
    case Work::no_buffer:
      delay = std::chrono::milliseconds(std::int64_t{1} << std::min(in_vain_++, 9U));
      break;
    case Work::check:
      delay = setting_.check;
      break;
    case Work::write:
      delay = about(setting_.write);
      break;
    case Work::written:
      delay = about(setting_.write / 4);
      break;
  }
  if (work != Work::write && work != Work::written) {
    time_.after(delay, owner_, std::move(event));
    return;
  }
  ++writing_;
  time_.after(delay, owner_, [this, event = std::move(event)] {
    event();
    --writing_;
    written_at_ = time_.steady_now();
  });
}

Client::Client(Setting setting, const Surroundings& around, unsigned number,
               const std::string& journal)
    : setting_(std::move(setting)),
      around_(around),
      number_(number),
      executor_(setting_.executor, around.time, work(), Dice(around.faults.dice().bits())) {
  setting_.request.on_over = [this] { over_ = true; };
  setting_.request.stop = [this] { return cancelled_; };
  auto pool = BufferPool::create(setting_.options.block_bytes,
                                 setting_.options.pool_bytes / setting_.options.block_bytes);
  if (!pool) throw std::runtime_error(pool.error().message);
  pool_ = *std::move(pool);
  auto opened = Journal::in_memory(journal.empty() ? empty_journal() : journal);
  if (!opened) throw std::runtime_error(opened.error().message);
  journal_ = opened->get();
  journal_->set_may_commit(around_.may_commit);
  engine_ = std::make_unique<EngineResources>(EngineResources::Setting{
      .options = setting_.options,
      .pool = pool_,
      .journal = *std::move(opened),
      .transports =
          [this](unsigned, const std::shared_ptr<NetworkLimits>&) {
            auto made =
                std::make_unique<SimTransport>(setting_.transport, around_.time, mail(),
                                               around_.trace, around_.network, around_.doubt);
            transport_ = made.get();
            return made;
          },
      .executor = &executor_});
}

Client::~Client() {
  if (!over() && upload_) {
    transport_->die();
    dead_ = true;
  }
  try {
    bury();
  } catch (const std::exception&) {
    // After a violation: an engine whose upload does not end cannot be destroyed.
    static_cast<void>(upload_.release());
    static_cast<void>(second_.release());
    static_cast<void>(engine_.release());
  }
}

bool Client::start() {
  if (setting_.asks_first) {
    Inquiry inquiry;
    inquiry.base_url = setting_.request.base_url;
    inquiry.dataset = setting_.request.dataset;
    inquiry.token = setting_.request.token;
    inquiry.stop = [this] { return cancelled_; };
    if (setting_.killed_in_question)
      around_.time.after(*setting_.killed_in_question, mail(), [this] {
        if (!setting_.killed_in_question) return;
        killed_journal_ = journal_->serialize();
        dead_ = true;
        transport_->die_within_wait();
      });
    auto profile = engine_->asking().ask(inquiry);
    setting_.killed_in_question.reset();  // the question has been answered
    if (killed_journal_) return false;
    if (!profile) {
      error_ = profile.error();
      return false;
    }
    setting_.request.server = *std::move(profile);
    if (cancelled_) {
      error_ = Error{ErrorKind::interrupted, "cancelled after the question"};
      return false;
    }
  }
  auto upload = start_one(setting_.request);
  if (!upload) {
    error_ = upload.error();
    return false;
  }
  upload_ = *std::move(upload);
  if (setting_.second_name.empty()) return true;
  UploadRequest second = setting_.request;
  second.name = setting_.second_name;
  second.on_over = [this] { second_over_ = true; };
  if (auto other = start_one(second)) second_ = *std::move(other);
  return true;
}

Result<std::unique_ptr<Upload>> Client::start_one(const UploadRequest& request) {
  auto prepared = UploadPreparation(*engine_).prepare(request);
  if (!prepared) return prepared.error();
  return start_upload(*std::move(prepared));
}

Report Client::finish() {
  return upload_->wait();
}

std::optional<Report> Client::finish_second() {
  if (!second_) return {};
  return second_->wait();
}

bool Client::journal_says_verifying() const {
  const UploadRequest& request = setting_.request;
  const auto found = journal_->find(request.base_url, request.dataset, request.name);
  return found && *found && (*found)->state == JournalEntry::State::verifying;
}

std::string Client::crash() {
  std::string left = killed_journal_ ? *killed_journal_ : journal_->serialize();
  transport_->die();
  dead_ = true;
  bury();
  return left;
}

void Client::bury() {
  if (!engine_) return;
  if (upload_ && !over()) {
    cancel();
    // The dead process causes no further events in the world.
    for (int i = 0; i < 100 && !over(); ++i) around_.time.run_owned(mail());
    if (!over()) throw std::logic_error("a cancelled upload does not end");
  }
  upload_.reset();
  second_.reset();
  engine_.reset();
  around_.time.drop(mail());
  around_.time.drop(work());
}

}  // namespace sluice::sim
