#include "engine/pipeline/range_digest.h"

#include <openssl/evp.h>

#include <exception>
#include <memory>
#include <utility>

namespace sluice {

bool RangeDigest::available(std::string_view algorithm) {
  return EVP_get_digestbyname(std::string(algorithm).c_str()) != nullptr;
}

RangeDigest::RangeDigest(std::string algorithm, std::vector<std::span<const std::byte>> pieces,
                         ChecksumWorkers& workers, std::function<void()> on_done)
    : algorithm_(std::move(algorithm)), pieces_(std::move(pieces)), on_done_(std::move(on_done)) {
  tsan_release(this);
  try {
    if (workers.available()) {
      workers.run(Task{this});
      return;
    }
  } catch (const std::exception&) {  // oneTBB cannot start a worker
  }
  compute();
}

RangeDigest::~RangeDigest() {
  wait();
}

bool RangeDigest::done() const {
  MutexLock lock(mutex_);
  return done_;
}

void RangeDigest::wait() const {
  MutexLock lock(mutex_);
  while (!done_) changed_.wait(mutex_);
}

void RangeDigest::Task::operator()() const {
  RangeDigest* const self = digest;
  tsan_acquire(self);
  self->compute();
}

void RangeDigest::compute() noexcept {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  const EVP_MD* const kind = EVP_get_digestbyname(algorithm_.c_str());
  bool well = context && kind != nullptr && EVP_DigestInit_ex(context.get(), kind, nullptr) == 1;
  for (const auto& piece : pieces_)
    well = well && EVP_DigestUpdate(context.get(), piece.data(), piece.size()) == 1;
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  if (well && EVP_DigestFinal_ex(context.get(), digest, &length) == 1)
    result_.assign(reinterpret_cast<const char*>(digest), length);
  // on_done_ is called under the mutex. A thread that waits for done_ may destroy this object, and
  // what on_done_ refers to, as soon as that thread has the mutex; and a thread that on_done_
  // notifies finds done() true.
  MutexLock lock(mutex_);
  done_ = true;
  on_done_();
  changed_.notify_all();
}

}  // namespace sluice
