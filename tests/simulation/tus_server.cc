// The tus generation, read off tus 1.0 and the Data Bank's own use of it.
#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cstdlib>
#include <map>

#include "engine/base/base64.h"
#include "tests/simulation/datafile_call.h"

namespace sluice::sim {
namespace {

struct TusUpload {
  std::uint64_t length = 0;
  Stored bytes;
  bool partial = false;
  bool has_file = false;
  bool expired = false;
  bool told_complete = false;
  unsigned requests_in_it = 0;  ///< 1 while a PATCH is under way
};

struct TusState {
  TusSetting setting;
  std::map<std::string, TusUpload> uploads;  ///< by their ids
  unsigned made = 0;

  TusUpload* find(std::string_view url) {
    const auto found = uploads.find(std::string(url.substr(url.rfind('/') + 1)));
    return found == uploads.end() ? nullptr : &found->second;
  }
  bool has(std::string_view extension) const {
    return std::find(setting.extensions.begin(), setting.extensions.end(), extension) !=
           setting.extensions.end();
  }
};

std::uint64_t number(std::string_view text) {
  return std::strtoull(std::string(text).c_str(), nullptr, 10);
}

/// The value of Upload-Checksum for `bytes`.
std::string checksum(const std::string& bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest, &length, EVP_sha1(), nullptr);
  return "sha1 " + base64(std::string(reinterpret_cast<const char*>(digest), length));
}

/// One request to /files/.
class TusCall final : public Call {
 public:
  TusCall(Bank& bank, TusState& state, Head head)
      : bank_(bank), state_(state), head_(std::move(head)) {}
  ~TusCall() override { leave(); }

  Step step() const override {
    using Method = sluice::Request::Method;
    switch (head_.method) {
      case Method::options:
        return Step::options;
      case Method::head:
        return Step::head;
      case Method::patch:
        return Step::patch;
      case Method::del:
        return Step::remove;
      case Method::post:
        break;
    }
    return head_.header("upload-concat").starts_with("final") ? Step::join : Step::create;
  }
  std::optional<Step> step_of_begin(std::string_view) const override { return step(); }

  std::optional<Answer> refusal() override {
    if (bank_.presented_token(head_) != bank_.token) return marked(reply(401, "---\nREQUEST\n"));
    if (step() != Step::options && head_.header("tus-resumable") != "1.0.0")
      return marked(reply(412, "Unsupported version\n"));
    switch (step()) {
      case Step::patch:
        return open();
      case Step::create:
        if (head_.body_size > 0) make();
        return {};
      case Step::join:
        begin_join();
        return {};
      case Step::head:
      case Step::remove: {
        TusUpload* const upload = state_.find(head_.path);
        if (upload == nullptr) return marked(reply(404, "Upload Not Found\n"));
        if (upload->expired) return marked(reply(410, "Upload has expired\n"));
        if (upload->requests_in_it > 0 && step() == Step::remove)
          return marked(reply(423, "Upload is locked\n"));
        return {};
      }
      default:
        return {};
    }
  }

  void body(std::string_view bytes) override { receive(Stored(bytes)); }
  void counted_body(std::uint64_t bytes) override {
    Stored counted;
    counted.append_counted(bytes);
    receive(counted);
  }
  void broken() override { leave(); }
  void finish_partly(Dice&) override { leave(); }

  /// Keeps the first bytes of a PATCH or a creation, at least one.
  Answer finish_with_part(Dice& dice) override {
    const bool has_bytes = step() == Step::patch || step() == Step::create;
    TusUpload* const upload = has_bytes ? state_.find(id_) : nullptr;
    const bool has_checksum = !head_.header("upload-checksum").empty();
    if (upload != nullptr && !upload->expired && got_.size() > 1 && !has_checksum) {
      const std::uint64_t begin = number(head_.header("upload-offset"));
      got_.shorten(dice.between(1, got_.size() - 1));
      if (keeps_as_it_comes()) upload->bytes.shorten(begin + got_.size());
    }
    return finish();
  }

  Answer finish() override {
    Answer answer = marked(carry_out());
    leave();
    return answer;
  }

 private:
  void receive(const Stored& bytes) {
    TusUpload* const upload = state_.find(id_);
    if (upload == nullptr || id_.empty()) return;
    got_.append(bytes);
    if (keeps_as_it_comes() && upload->bytes.size() + bytes.size() <= upload->length) {
      upload->bytes.append(bytes);
      upload->has_file = true;
    }
  }
  Answer marked(Answer answer) const {
    if (state_.setting.sends_resumable && answer.status != 401)
      answer.headers.emplace_back("tus-resumable", "1.0.0");
    return answer;
  }
  /// Bytes that have a checksum are kept once it is compared.
  bool keeps_as_it_comes() const {
    return state_.setting.keeps_broken && head_.header("upload-checksum").empty();
  }
  /// The ids of the parts that a join names.
  std::vector<std::string> parts() const {
    std::string_view urls = head_.header("upload-concat");
    urls.remove_prefix(urls.find(';') + 1);
    std::vector<std::string> ids;
    while (!urls.empty()) {
      const std::size_t blank = std::min(urls.find(' '), urls.size());
      const std::string_view url = urls.substr(0, blank);
      ids.emplace_back(url.substr(url.rfind('/') + 1));
      urls.remove_prefix(std::min(blank + 1, urls.size()));
    }
    return ids;
  }
  /// Of two joins that run at once, each deletes parts that the other has not read.
  void begin_join() {
    for (const std::string& id : parts())
      if (bank_.joining.contains(id))
        bank_.misuse = "parts were to be joined again while the server was joining them";
    for (const std::string& id : parts())
      if (bank_.joining.insert(id).second) joining_.push_back(id);
  }
  void leave() {
    for (const std::string& id : std::exchange(joining_, {})) bank_.joining.erase(id);
    if (!std::exchange(in_it_, false)) return;
    if (TusUpload* const upload = state_.find(id_)) --upload->requests_in_it;
  }
  void enter(const std::string& id) {
    id_ = id;
    in_it_ = true;
    ++state_.find(id_)->requests_in_it;
  }

  std::optional<Answer> open() {
    TusUpload* const upload = state_.find(head_.path);
    if (upload == nullptr) return marked(reply(404, "Upload Not Found\n"));
    if (upload->expired) return marked(reply(410, "Upload has expired\n"));
    if (upload->requests_in_it > 0) return marked(reply(423, "Upload is locked\n"));
    if (head_.header("content-type") != "application/offset+octet-stream")
      return marked(reply(415, "Invalid Content-Type header\n"));
    if (number(head_.header("upload-offset")) != upload->bytes.size())
      return marked(reply(409, "Upload-Offset header doesn't match current offset\n"));
    if (upload->bytes.size() + head_.body_size > upload->length)
      return marked(reply(413, "Size of this chunk surpasses Upload-Length\n"));
    upload->told_complete = false;
    enter(head_.path.substr(head_.path.rfind('/') + 1));
    return {};
  }

  void make() {
    const std::string id = fmt::format("upload{}", ++state_.made);
    TusUpload upload;
    upload.length = number(head_.header("upload-length"));
    upload.partial = head_.header("upload-concat") == "partial";
    upload.has_file = !state_.setting.lazy;
    state_.uploads.emplace(id, std::move(upload));
    enter(id);
  }

  Answer created() const {
    Answer answer = reply(201);
    answer.headers.emplace_back(
        "location",
        (state_.setting.relative_location ? "/files/" : "http://bank.sim/files/") + id_);
    return answer;
  }

  void take(TusUpload& upload) {
    if (!keeps_as_it_comes()) {
      upload.bytes.append(got_);
      upload.has_file = true;
    }
    if (upload.length == 0) upload.has_file = true;
  }

  Answer with_offset(Answer answer, TusUpload& upload) const {
    answer.headers.emplace_back("upload-offset", std::to_string(upload.bytes.size()));
    if (upload.bytes.size() == upload.length) upload.told_complete = true;
    return answer;
  }

  Answer carry_out() {
    switch (step()) {
      case Step::options:
        return options();
      case Step::create: {
        const bool with_bytes = head_.body_size > 0;
        if (!with_bytes) make();
        TusUpload& upload = *state_.find(id_);
        if (with_bytes && state_.has("creation-with-upload"))
          take(upload);
        else if (with_bytes)
          upload.bytes.clear();
        return with_bytes ? with_offset(created(), upload) : created();
      }
      case Step::patch: {
        TusUpload* const upload = state_.find(id_);
        if (upload == nullptr) return reply(404, "Upload Not Found\n");
        if (upload->expired) return reply(410, "Upload has expired\n");
        if (const auto expected = head_.header("upload-checksum");
            !expected.empty() && expected != checksum(got_.text()))
          return reply(460, "Checksum Mismatch\n");
        take(*upload);
        upload->has_file = true;
        return with_offset(reply(204), *upload);
      }
      case Step::head: {
        TusUpload* const upload = state_.find(head_.path);
        if (upload == nullptr) return reply(404);
        Answer answer = reply(200);
        answer.headers.emplace_back("upload-length", std::to_string(upload->length));
        return with_offset(std::move(answer), *upload);
      }
      case Step::join:
        return join();
      case Step::remove:
        if (!state_.has("termination")) return reply(405, "Method Not Allowed\n");
        state_.uploads.erase(head_.path.substr(head_.path.rfind('/') + 1));
        return reply(204);
      default:
        return reply(405, "Method Not Allowed\n");
    }
  }

  Answer options() const {
    Answer answer = reply(204);
    answer.headers.emplace_back("tus-version", "1.0.0");
    answer.headers.emplace_back("tus-extension",
                                fmt::format("{}", fmt::join(state_.setting.extensions, ",")));
    if (state_.has("checksum")) answer.headers.emplace_back("tus-checksum-algorithm", "sha1");
    answer.headers.emplace_back("tus-max-size", "2199023255552");
    return answer;
  }

  Answer join() {
    const std::vector<std::string> ids = parts();
    TusUpload whole;
    whole.has_file = true;
    for (const std::string& id : ids) {
      constexpr std::uint64_t least_part = std::uint64_t{5} << 20;
      const auto own = state_.uploads.find(id);
      if (own != state_.uploads.end() && own->second.length < least_part && id != ids.back())
        return reply(500, "Your proposed upload is smaller than the minimum allowed object size.");
      const auto part = state_.uploads.find(id);
      if (part == state_.uploads.end() || !part->second.partial || part->second.expired ||
          part->second.bytes.size() != part->second.length)
        return reply(400, "One or more partial uploads were not found\n");
      whole.bytes.append(part->second.bytes);
    }
    for (const std::string& id : ids) state_.uploads.erase(id);
    whole.length = whole.bytes.size();
    whole.told_complete = true;
    const std::string id = fmt::format("upload{}", ++state_.made);
    state_.uploads.emplace(id, std::move(whole));
    id_ = id;
    return created();
  }

  Bank& bank_;
  TusState& state_;
  const Head head_;
  std::string id_;
  Stored got_;
  std::vector<std::string> joining_;  ///< of Bank::joining, by this call
  bool in_it_ = false;
};

/// The registration of an upload.
class EnlistCall final : public DatafileCall {
 public:
  EnlistCall(Bank& bank, TusState& state, Head head)
      : DatafileCall(bank, std::move(head)), state_(state) {}

 protected:
  Step step_of(const std::vector<Field>& fields) const override {
    if (find_field(fields, "tus_url") != nullptr) return Step::enlist;
    return find_field(fields, "phase") != nullptr ? Step::ask : Step::other;
  }
  Answer carry_out() override {
    if (!has("tus_url")) return reply(500, "invalid request");
    TusUpload* const upload = state_.find(value("tus_url"));
    if (upload == nullptr || upload->expired || !upload->has_file)
      return reply(400, "Invalid TUS upload reference\n");
    bank_.registered.push_back({value("filename"), upload->bytes.text(), upload->bytes.size()});
    return uploaded(bank_, value("filename"));
  }

 private:
  TusState& state_;
};

class TusServer final : public Server {
 public:
  TusServer(Bank& bank, TusSetting setting) : bank_(bank) { state_.setting = std::move(setting); }

  std::unique_ptr<Call> begin(const Head& head) override {
    if (head.path.starts_with("/files")) return std::make_unique<TusCall>(bank_, state_, head);
    return std::make_unique<EnlistCall>(bank_, state_, head);
  }
  void restart(Dice& dice) override {
    bank_.joining.clear();
    for (auto& [id, upload] : state_.uploads) {
      if (upload.told_complete || !dice.chance(0.4)) continue;
      // What was written last had not reached the disk.
      upload.bytes.shorten(dice.below(upload.bytes.size() + 1));
    }
  }
  void expire(Dice& dice) override {
    for (auto at = state_.uploads.begin(); at != state_.uploads.end();) {
      if (dice.chance(0.5))
        at->second.expired = true;
      else if (dice.chance(0.5) && at->second.requests_in_it == 0) {
        at = state_.uploads.erase(at);
        continue;
      }
      ++at;
    }
  }

 private:
  Bank& bank_;
  TusState state_;
};

}  // namespace

std::unique_ptr<Server> make_tus_server(Bank& bank, TusSetting setting) {
  return std::make_unique<TusServer>(bank, std::move(setting));
}

}  // namespace sluice::sim
