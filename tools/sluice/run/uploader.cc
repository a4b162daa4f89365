#include "tools/sluice/run/uploader.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/policy/request_limit.h"
#include "tools/sluice/process/granted.h"
#include "tools/sluice/process/memory.h"
#include "tools/sluice/process/open_files.h"
#include "tools/sluice/process/stop.h"
#include "tools/sluice/run/uploader_run.h"

namespace sluice::cli {

Result<void> Uploader::prepare(std::size_t files, std::uint64_t block_bytes) {
  report_.expect(files);
  TRY_ASSIGN(parsed_, parse_upload_options(options_));
  TRY(report_.open());
  TRY_ASSIGN(EngineOptions engine_options, parse_engine_options(options_, block_bytes));
  engine_options.log = [this](LogLevel level, const std::string& text) {
    if (level == LogLevel::warning)
      console_.warning(text);
    else
      console_.detail(text);
  };
  const Granted granted = granted_by_slurm();
  const std::size_t asked_pool = engine_options.pool_bytes;
  engine_options.pool_bytes = pool_within(granted, asked_pool, engine_options.block_bytes);
  engine_options.workers = usable_cores();
  if (const auto text = describe(granted, asked_pool, engine_options.pool_bytes); !text.empty())
    console_.detail(text);
  TRY_ASSIGN(transfers_, plan_transfers({.asked = parsed_.transfers,
                                         .files = files,
                                         .descriptors = open_files(),
                                         .space = address_space(),
                                         .pool_bytes = engine_options.pool_bytes}));
  if (!transfers_.warning.empty()) console_.warning(transfers_.warning);
  pool_bytes_ = engine_options.pool_bytes;
  block_bytes_ = engine_options.block_bytes;
  engine_options.uploads_at_a_time =
      transfers_.automatic ? std::min(TransferCount::fewest, transfers_.most) : transfers_.most;
  const unsigned requests = std::max(parsed_.transfers.value_or(0), parsed_.lanes.value_or(0));
  if (parsed_.transfers || requests > RequestLimit::automatic)
    engine_options.requests_at_a_time = std::max(RequestLimit::automatic, requests);
  TRY_ASSIGN(engine_, Engine::create(engine_options));
  catch_stop_signals();
  return {};
}

Result<void> Uploader::ask_server(UploadRequest& request, ProtocolKind protocol, bool fresh) {
  Inquiry inquiry{.base_url = request.base_url,
                  .dataset = request.dataset,
                  .token = request.token,
                  .protocol = protocol,
                  .fresh = fresh,
                  .stop = [] { return stop_signal() != 0; }};
  RunTokens::Wait wait{parsed_.token_wait, RunTokens::Clock::now() + parsed_.token_wait};
  while (true) {
    Result<ServerProfile> profile = engine_->ask_server(inquiry);
    if (profile) {
      request.server = *std::move(profile);
      request.token = inquiry.token;
      if (!request.server.remembered)
        console_.detail(fmt::format("{}: protocol {}{}", request.base_url,
                                    to_string(request.server.protocol),
                                    protocol == ProtocolKind::automatic ? "" : " (as requested)"));
      return {};
    }
    if (profile.error().kind != ErrorKind::token_refused || request.token_file.empty())
      return std::move(profile).error();
    TRY_ASSIGN(inquiry.token,
               tokens_.wait_for_another(request, inquiry.token, std::move(profile).error(), wait));
  }
}

void Uploader::apply_options(UploadRequest& request) {
  apply(options_, parsed_, request);
  request.stop = [] { return stop_signal() != 0; };
  tokens_.renew_for(request);
}

void Uploader::upload(Work work) {
  report_.begin_files(work.items.size(), work.dry_run);
  Run(*this, std::move(work)).run();
}

}  // namespace sluice::cli
