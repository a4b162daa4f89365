#pragma once

#include "tools/sluice/commands/batch.h"
#include "tools/sluice/commands/check.h"
#include "tools/sluice/commands/completion.h"
#include "tools/sluice/commands/forget.h"
#include "tools/sluice/commands/manifest.h"
#include "tools/sluice/commands/put.h"
#include "tools/sluice/commands/resume.h"
#include "tools/sluice/commands/run.h"
#include "tools/sluice/commands/status.h"
#include "tools/sluice/commands/token.h"
#include "tools/sluice/commands/verify.h"
#include "tools/sluice/show_config.h"

namespace CLI {
class App;
}

namespace sluice::cli {

/// Each function adds a command with all its options to `app`, which owns the returned command.
/// Parsing a command line fills `options`, which must outlive `app`. The man page of each command
/// lists the same options and defaults (checked by tests/docs).
CLI::App& add_put(CLI::App& app, PutOptions& options);
CLI::App& add_run(CLI::App& app, RunOptions& options);
CLI::App& add_batch(CLI::App& app, BatchOptions& options);
CLI::App& add_resume(CLI::App& app, ResumeOptions& options);
CLI::App& add_status(CLI::App& app, StatusOptions& options);
CLI::App& add_forget(CLI::App& app, ForgetOptions& options);
CLI::App& add_verify(CLI::App& app, VerifyOptions& options);
CLI::App& add_check(CLI::App& app, CheckOptions& options);
CLI::App& add_manifest(CLI::App& app, ManifestOptions& options);
CLI::App& add_token(CLI::App& app, TokenOptions& options);
CLI::App& add_config(CLI::App& app, ConfigOptions& options);
CLI::App& add_completion(CLI::App& app, CompletionOptions& options);

/// Adds --config and --profile to `app`.
void add_configuration(CLI::App& app, ConfigChoice& choice);

}  // namespace sluice::cli
