#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/http/network_options.h"
#include "engine/protocol/server_profile.h"
#include "tools/command_line/option_kinds.h"
#include "tools/sluice/display/console.h"
#include "tools/sluice/manifest/manifest.h"
#include "tools/sluice/run/upload_options.h"
#include "tools/sluice/select/selection.h"
#include "tools/sluice/tokens/token_rights.h"

namespace sluice::cli {

/// Each function adds options that several commands take to the command `app`, in the help group
/// that it says. Parsing a command line fills the other arguments, which must outlive `app`.

/// Group Server: --system, --url.
void add_server(CLI::App& app, std::string& system, std::string& url);
/// Group Server: --ca-file, --ca-dir, --proxy, --ipv4, --ipv6, --insecure-http.
void add_network(CLI::App& app, bool& insecure_http, NetworkOptions& network);
/// Group Token: --token-file, --token-file-mode.
void add_token_file(CLI::App& app, std::string& file, TokenFileMode& mode);
/// Group Selection: --recursive, the filters, --files-from, --null, --follow-links, --skip. `verb`:
/// the first word of the help texts, such as "Upload".
void add_selection(CLI::App& app, const std::string& verb, SelectOptions& select,
                   std::string& skip);
/// Group Retry and resume: --retries to --state-dir.
void add_resume_options(CLI::App& app, UploadOptions& options);
/// Group Retry and resume: --no-journal.
void add_no_journal(CLI::App& app, bool& no_journal);
/// Group Performance: --transfers to --network-threads.
void add_performance_options(CLI::App& app, UploadOptions& options);
/// Group Checksums and receipts: --verify-chunks, --digest, --receipt.
void add_checksum_options(CLI::App& app, UploadOptions& options);
/// The groups Token, Server (add_network()), Retry and resume, Performance, Checksums and receipts,
/// and Output of the commands that upload.
void add_upload_options(CLI::App& app, std::string_view command, UploadOptions& options);

/// These add to the group of the option before.
void add_insecure_http(CLI::App& app, bool& insecure_http);
void add_state_dir(CLI::App& app, std::string& value);
void add_quiet(CLI::App& app, bool& quiet);
void add_progress(CLI::App& app, ProgressMode& progress);
void add_protocol(CLI::App& app, ProtocolKind& protocol);
/// --restart, --dry-run.
void add_restart(CLI::App& app, bool& restart, bool& dry_run);
/// `standard`: the text of the default in --help.
void add_token_wait(CLI::App& app, std::string& token_wait, const std::string& standard);
void add_manifest_format(CLI::App& app, ManifestFormat& format);
/// --name-from, --separator: how names in the dataset come from paths.
void add_name_rule(CLI::App& app, NameRule& names);

template <class Value>
void add_read(CLI::App& app, Value& value,
              const std::vector<std::pair<std::string, Value>>& modes) {
  command_line::add_choice<Value>(app, "--read", value, "MODE", modes,
                                  "How to read files: auto, direct (O_DIRECT), mmap or buffered.");
}

}  // namespace sluice::cli
