#include "tools/databankd/protocol/datafile_call.h"

#include <fmt/format.h>

#include <span>
#include <utility>

#include "tools/databankd/faults/faults.h"
#include "tools/databankd/protocol/tus_call.h"
#include "tools/databankd/store/token.h"

namespace sluice::databankd {
namespace {

constexpr std::size_t max_url = 64 << 10;  // bytes

}  // namespace

DatafileCall::DatafileCall(DataBank& bank, Protocols protocols, std::string_view dataset_key,
                           std::optional<std::string_view> authorization, unsigned back_end)
    : bank_(bank),
      protocols_(protocols),
      back_end_(back_end),
      key_(dataset_key),
      dataset_(bank.find_draft(dataset_key)),
      phased_(bank, dataset_key, authorization, back_end) {
  if (authorization) {
    if (const auto token = presented_token(*authorization)) token_.emplace(*token);
  }
}

void DatafileCall::payload_begins(std::string_view name) {
  if (name == "binary" && protocols_.binary && !is_phased()) binary_ = true;
}

void DatafileCall::field(std::string_view name, std::string_view data, std::uint64_t offset,
                         std::string_view file) {
  if (name == "binary" && binary_ && !file.empty()) {
    if (offset == 0) {
      one_shot_.reset();
      if (!refused()) one_shot_.emplace(*dataset_, std::string(file));
    }
    if (one_shot_ && !data.empty()) one_shot_->write(std::as_bytes(std::span(data)));
    return;
  }
  if (name == "tus_url") {
    if (offset == 0) tus_url_.emplace();
    if (!tus_url_ || offset + data.size() > max_url)
      malformed_ = true;
    else
      tus_url_->append(data);
    return;
  }
  // Without the phased protocol, the chunk is ignored.
  if (name != "bytechunk" || protocols_.phased) phased_.field(name, data, offset, !file.empty());
}

void DatafileCall::mark_malformed() {
  malformed_ = true;
  phased_.mark_malformed();
}

std::optional<Step> DatafileCall::step(bool complete) const {
  if (is_phased()) return phased_.step(complete);
  if (binary_) return Step::binary;
  if (complete && tus_url_ && protocols_.tus) return Step::register_upload;
  return std::nullopt;
}

void DatafileCall::strike(const Strike& strike) {
  const FaultKind kind = strike.fault.kind;
  if (kind == FaultKind::partial_append) phased_.cut_chunk(strike.random);
  if (step(true) == Step::register_upload) {
    if (kind == FaultKind::expire) bank_.tus().expire(tus_id(*tus_url_));
    if (kind == FaultKind::forget_staging) bank_.tus().forget(tus_id(*tus_url_));
  }
}

bool DatafileCall::refused() {
  if (refusal_) return true;
  if (dataset_ == nullptr)
    refusal_ = Answer{404, "Dataset Not Found"};
  else if (!token_ || !dataset_->token().accepts(*token_, Token::Clock::now()))
    refusal_ = Answer{401, "HTTP Token: Access denied.\n"};
  return refusal_.has_value();
}

Answer DatafileCall::finish(std::string_view root) {
  if (is_phased()) return phased_.finish(root);
  if (refused()) return *refusal_;
  if (malformed_ || !is_utf8(subject())) return rails_error(400, "Bad Request");
  if (one_shot_) return uploaded(one_shot_->finish(), root);
  if (!tus_url_ || !protocols_.tus) return {500, "invalid request"};
  if (phased_.filename().empty()) return {500, "missing parameter: filename\n"};
  if (!bank_.back_ends().has(back_end_name(tus_id(*tus_url_)), back_end_))
    return {400, "Invalid TUS upload reference\n"};
  return uploaded(bank_.tus().register_upload(tus_id(*tus_url_), *dataset_, phased_.filename()),
                  root);
}

Answer DatafileCall::uploaded(const Result<Registration>& registered, std::string_view root) {
  if (!registered) {
    const Error& error = registered.error();
    return {error.code == 400 ? 400U : 500U, error.message + "\n"};
  }
  registered_ = *registered;
  return {200, fmt::format("successfully uploaded {}\nsee in dataset at {}/datasets/{} \n",
                           registered->name, root, key_)};
}

std::string DatafileCall::subject() const {
  return one_shot_ ? one_shot_->name() : phased_.filename();
}

const std::optional<Registration>& DatafileCall::registered() const {
  return is_phased() ? phased_.registered() : registered_;
}

}  // namespace sluice::databankd
