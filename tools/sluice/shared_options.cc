// The options that several commands take: their names, defaults and help texts.
#include "tools/sluice/shared_options.h"

#include <CLI/CLI.hpp>

namespace sluice::cli {
namespace {

using command_line::add_choice;
using command_line::add_number;
using command_line::add_text;

void add_family(CLI::App& app, NetworkOptions::Family& family) {
  const auto add = [&](const std::string& name, NetworkOptions::Family meant,
                       const std::string& version) {
    return app.add_flag_function(
        name,
        [&family, meant](std::int64_t times) {
          if (times > 0) family = meant;
        },
        "Use " + version + " addresses only.");
  };
  auto* const ipv4 = add("--ipv4", NetworkOptions::Family::ipv4, "IPv4");
  add("--ipv6", NetworkOptions::Family::ipv6, "IPv6")->excludes(ipv4);
}

void add_sums(CLI::App& app, UploadOptions& options) {
  add_text(app, "--sums", options.sums, "FILE",
           "Append checksum lines for xxhsum -c, md5sum -c and sha256sum -c to FILE.");
}

void add_output_options(CLI::App& app, UploadOptions& options) {
  app.option_defaults()->group("Output");
  app.add_flag("--json", options.json, "Print the report as one JSON object on stdout.");
  add_progress(app, options.console.progress);
  add_text(
      app, "--progress-interval", options.progress_interval, "TIME",
      "Time between two progress lines in a log file or a pipe, and between two progress events "
      "of --log-json.")
      ->default_str("10s, then ever longer, up to 5m");
  add_text(app, "--log-json", options.log_json, "FILE",
           "Append each event (start and end of a file, totals, warnings) to FILE as a line of "
           "JSON.");
  add_quiet(app, options.console.quiet);
  app.add_flag("-v,--verbose", options.console.verbose,
               "Also print each automatic choice and its reason.")
      ->excludes("--quiet");
}

/// Adds a filter. The rules of all filters keep their order on the command line.
void add_filter(CLI::App& app, const std::string& name, FilterRule::Kind kind,
                std::vector<FilterRule>& rules, const std::string& type,
                const std::string& description) {
  app.add_option(
         name,
         [&rules, kind, name](const CLI::results_t& given) {
           for (const std::string& text : given) {
             if (text.empty()) throw CLI::ValidationError(name, "the value is empty");
             rules.push_back({kind, text});
           }
           return true;
         },
         description)
      ->type_name(type)
      ->trigger_on_parse();
}

}  // namespace

void add_server(CLI::App& app, std::string& system, std::string& url) {
  app.option_defaults()->group("Server");
  auto* const option =
      app.add_option("--system", system, "The Data Bank to use: production, demo or local.")
          ->check(CLI::IsMember({"production", "demo", "local"}).description(""))
          ->type_name("NAME")
          ->default_str("production");
  command_line::set_choices(*option, {"production", "demo", "local"});
  add_text(app, "--url", url, "URL",
           "Address of another Data Bank server. Environment: SLUICE_URL.")
      ->excludes(option);
}

void add_insecure_http(CLI::App& app, bool& insecure_http) {
  app.add_flag("--insecure-http", insecure_http,
               "Allow plain http to another machine. The token is then sent unencrypted.");
}

void add_network(CLI::App& app, bool& insecure_http, NetworkOptions& network) {
  app.option_defaults()->group("Server");
  add_text(app, "--ca-file", network.ca_file, "FILE",
           "PEM file with the certificate authorities to trust, instead of the system's. "
           "Environment: CURL_CA_BUNDLE, SSL_CERT_FILE, SSL_CERT_DIR.");
  add_text(app, "--ca-dir", network.ca_dir, "DIR",
           "Directory of such files, named by openssl rehash, to trust instead of or beside "
           "--ca-file.");
  add_text(app, "--proxy", network.proxy, "URL",
           "Proxy to use: http, https or socks5h. A password is taken from the environment or the "
           "configuration only. Environment: https_proxy, no_proxy.");
  add_family(app, network.family);
  add_insecure_http(app, insecure_http);
}

void add_token_file(CLI::App& app, std::string& file, TokenFileMode& mode) {
  app.option_defaults()->group("Token");
  add_text(app, "--token-file", file, "PATH",
           "File with the dataset's token; - reads the token from stdin. Environment: SLUICE_TOKEN "
           "(the token itself).")
      ->default_str("the token that sluice token add has stored");
  add_choice<TokenFileMode>(app, "--token-file-mode", mode, "MODE",
                            {{"strict", TokenFileMode::strict}, {"any", TokenFileMode::any}},
                            "strict: refuse a token file that all users of the machine can read or "
                            "write; any: print a warning instead.");
}

void add_state_dir(CLI::App& app, std::string& value) {
  add_text(app, "--state-dir", value, "DIR", "Directory of the journal.")
      ->default_str("$XDG_STATE_HOME/sluice, or ~/.local/state/sluice");
}

void add_quiet(CLI::App& app, bool& quiet) {
  app.add_flag("-q,--quiet", quiet, "Print errors only.");
}

void add_resume_options(CLI::App& app, UploadOptions& options) {
  app.option_defaults()->group("Retry and resume");
  add_number(app, "--retries", options.retries, "N", 0, 1000000,
             "Consecutive failures, without a new byte at the server, before an upload fails.");
  app.add_flag("--fail-fast", options.fail_fast,
               "When a file fails, stop the running uploads and start no more.");
  add_number(app, "--stall-timeout", options.stall_timeout, "SECONDS", 1, 86400,
             "Seconds without a byte sent after which a request fails.");
  add_number(app, "--response-timeout", options.response_timeout, "SECONDS", 1, 86400,
             "Seconds without a response after which a request fails.")
      ->default_str("150 (600 for the registration)");
  add_text(
      app, "--register-wait", options.register_wait, "TIME",
      "After a lost response to the registration or to joining parts: how long to wait for the "
      "server to finish before the request is repeated.")
      ->default_str("30s, and 5s more for each GB");
  app.add_flag("--verify-prefix", options.verify_prefix,
               "When resuming, read again what was sent before and compare its checksums.");
  add_state_dir(app, options.state_dir);
}

void add_performance_options(CLI::App& app, UploadOptions& options) {
  app.option_defaults()->group("Performance");
  add_text(app, "--transfers", options.transfers, "N",
           "Files to upload at the same time (phased: one in each dataset); auto: as many as make "
           "the upload faster. Range: 1 to 64.");
  add_text(app, "--limit-rate", options.limit_rate, "RATE",
           "Bytes a second to send at most, over all files.");
  add_read<ReadMode>(app, options.read_mode,
                     {{"auto", ReadMode::automatic},
                      {"direct", ReadMode::direct},
                      {"mmap", ReadMode::mmap},
                      {"buffered", ReadMode::buffered}});
  add_text(app, "--pool", options.pool, "SIZE", "Memory for file data, over all files.");
  add_text(app, "--block", options.block, "SIZE",
           "Bytes to read and checksum at a time; a multiple of 4096. Range: 4K to 1G.");
  add_text(app, "--chunk", options.chunk, "SIZE",
           "Bytes of a file in one request; auto: as many as make the upload faster.");
  add_text(
      app, "--lookahead", options.lookahead, "N",
      "phased: chunks to send ahead of the one that the server acknowledges next; auto: as many "
      "as make the upload faster. Range: 0 to 16.");
  add_text(app, "--lanes", options.lanes, "N",
           "tus: parts of a file to upload in parallel; auto: as many as make the upload faster. "
           "Range: 0 to 16.");
  add_text(app, "--network-threads", options.network_threads, "N",
           "Threads to send from, over all files; auto: one, and more if one uses most of a core. "
           "Range: 1 to 16.");
}

void add_checksum_options(CLI::App& app, UploadOptions& options) {
  app.option_defaults()->group("Checksums and receipts");
  add_choice<VerifyChunks>(
      app, "--verify-chunks", options.verify_chunks, "WHEN",
      {{"auto", VerifyChunks::automatic}, {"on", VerifyChunks::on}, {"off", VerifyChunks::off}},
      "tus: send a checksum with each chunk, which the server compares: on, off or auto (over "
      "plain "
      "http only).");
  add_text(app, "--digest", options.digests, "NAMES",
           "More digests for the receipt: md5, sha256, or both (md5,sha256).");
  add_text(app, "--receipt", options.receipts, "DIR", "Write a receipt to DIR/NAME.sluice.json.");
}

void add_progress(CLI::App& app, ProgressMode& progress) {
  add_choice<ProgressMode>(app, "--progress", progress, "WHEN",
                           {{"auto", ProgressMode::automatic},
                            {"always", ProgressMode::always},
                            {"never", ProgressMode::never}},
                           "Progress on stderr: always (lines that change in place), never, or "
                           "auto (always on a terminal, else a new line now and then).");
}

void add_protocol(CLI::App& app, ProtocolKind& protocol) {
  add_choice<ProtocolKind>(app, "--protocol", protocol, "NAME",
                           {{"auto", ProtocolKind::automatic},
                            {"phased", ProtocolKind::phased},
                            {"tus", ProtocolKind::tus},
                            {"binary", ProtocolKind::binary}},
                           "Upload protocol: auto (ask the server), phased, tus or binary.");
}

void add_restart(CLI::App& app, bool& restart, bool& dry_run) {
  auto* const option =
      app.add_flag("--restart", restart,
                   "Upload the files from the beginning, whatever was sent or registered before.");
  app.add_flag("--dry-run", dry_run, "Check files, server, token and dataset, but upload nothing.")
      ->excludes(option);
}

void add_no_journal(CLI::App& app, bool& no_journal) {
  app.option_defaults()->group("Retry and resume");
  app.add_flag("--no-journal", no_journal,
               "Write no journal. An interrupted upload cannot be resumed.");
}

void add_token_wait(CLI::App& app, std::string& token_wait, const std::string& standard) {
  add_text(app, "--token-wait", token_wait, "TIME",
           "When the server refuses the token, wait this long for a new token in its file.")
      ->default_str(standard);
}

void add_upload_options(CLI::App& app, std::string_view command, UploadOptions& options) {
  options.command = command;
  add_token_file(app, options.token_file, options.token_file_mode);
  add_token_wait(app, options.token_wait, "0, do not wait");
  add_network(app, options.insecure_http, options.network);
  add_resume_options(app, options);
  add_performance_options(app, options);
  add_checksum_options(app, options);
  add_sums(app, options);
  add_output_options(app, options);
}

void add_selection(CLI::App& app, const std::string& verb, SelectOptions& select,
                   std::string& skip) {
  app.option_defaults()->group("Selection");
  app.add_flag("-r,--recursive", select.recursive, verb + " all files in directories.");
  add_filter(app, "--exclude", FilterRule::Kind::exclude, select.filters, "GLOB",
             "Leave out files and directories that match. The last of --exclude, --include and "
             "--exclude-from that matches decides.");
  add_filter(app, "--include", FilterRule::Kind::include, select.filters, "GLOB",
             verb +
                 " files that match. As the first filter: leave out all files that no filter "
                 "matches.");
  add_filter(
      app, "--exclude-from", FilterRule::Kind::exclude_from, select.filters, "FILE",
      "Leave out the files that a pattern in FILE matches; the rules are those of gitignore.");
  auto* const files_from = add_text(app, "--files-from", select.files_from, "FILE",
                                    verb +
                                        " the paths listed in FILE, one in a line; - reads "
                                        "stdin.");
  app.add_flag(
         "-0,--null", select.null_separated,
         "Paths of --files-from end with NUL, as find -print0 and git ls-files -z write them.")
      ->needs(files_from);
  app.add_flag("-L,--follow-links", select.follow_links,
               verb + " the targets of symbolic links in directories.");
  add_text(app, "--skip", skip, "KINDS",
           "Leave out, without an error, files of these kinds: links, special, unreadable, "
           "missing, names (comma-separated).");
}

void add_manifest_format(CLI::App& app, ManifestFormat& format) {
  add_choice<ManifestFormat>(app, "--format", format, "NAME",
                             {{"auto", ManifestFormat::automatic},
                              {"csv", ManifestFormat::csv},
                              {"tsv", ManifestFormat::tsv},
                              {"jsonl", ManifestFormat::jsonl}},
                             "Format of the manifest: csv, tsv, jsonl, or auto (by its name).");
}

void add_name_rule(CLI::App& app, NameRule& names) {
  add_choice<NameFrom>(app, "--name-from", names.from, "WHAT",
                       {{"base", NameFrom::base}, {"path", NameFrom::path}},
                       "Names in the dataset: base, the file's base name; or path, its relative "
                       "path with --separator for each slash.");
  add_text(app, "--separator", names.separator, "TEXT",
           "What --name-from path writes for a slash.");
}

}  // namespace sluice::cli
