#include <CLI/CLI.hpp>

#include "tools/sluice/check.h"

namespace sluice::cli {

CLI::App* add_check(CLI::App& app, CheckOptions& options) {
  CLI::App* const check =
      app.add_subcommand("check", "Say whether a deposit would work, and how fast it could be");
  const CLI::Validator not_empty(
      [](std::string& value) { return value.empty() ? "an empty value" : ""; }, "");
  const auto text = [&](const char* name, std::string& value, const char* type, const char* what) {
    return check->add_option(name, value, what)->type_name(type)->check(not_empty);
  };
  check->add_option("DATASET", options.dataset,
                    "Ask with this draft dataset's token whether it is taken");
  auto* const system =
      check->add_option("--system", options.system, "production (default), demo or local")
          ->check(CLI::IsMember({"production", "demo", "local"}).description(""))
          ->type_name("NAME");
  text("--url", options.url, "URL", "Address of another Data Bank (or SLUICE_URL)")
      ->excludes(system);
  text("--token-file", options.token_file, "PATH",
       "File with the dataset's token; - is stdin (or SLUICE_TOKEN)");
  check
      ->add_option(
          "--token-file-mode",
          [&options](const CLI::results_t& words) {
            const std::string& word = words.back();
            if (word != "strict" && word != "any")
              throw CLI::ValidationError("--token-file-mode",
                                         "'" + word + "' is none of strict, any");
            options.token_file_mode = word == "any" ? TokenFileMode::any : TokenFileMode::strict;
            return true;
          },
          "strict (default): not one that all users of the machine can read; any: a warning")
      ->type_name("WHICH");
  text("--file", options.file, "FILE", "Read of it for 2 seconds, 1 GiB at most, and say how fast");
  text("--state-dir", options.state_dir, "DIR", "Where the journal is");
  check->add_flag("--insecure-http", options.insecure_http,
                  "Allow http to another machine: everyone on the way sees the token");
  text("--ca-file", options.ca_file, "FILE",
       "Trust the certificate authorities in this PEM file, and no others (or SSL_CERT_FILE)");
  check->add_flag("--json", options.json, "The result as one JSON object on stdout");
  check->footer(
      "Exit codes: 0 a deposit would work, 1 failed, 2 usage, 3 token refused,\n"
      "4 no such draft dataset, 6 local file, 7 server or network unreachable.");
  return check;
}

}  // namespace sluice::cli
