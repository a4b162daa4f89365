#include <CLI/CLI.hpp>

#include "tools/sluice/verify.h"

namespace sluice::cli {

CLI::App* add_verify(CLI::App& app, VerifyOptions& options) {
  CLI::App* const verify = app.add_subcommand("verify", "Check a file against an upload's receipt");
  verify->add_option("RECEIPT", options.receipt, "What the upload left behind: NAME.sluice.json")
      ->required();
  verify->add_option("FILE", options.file, "The file to check")->required();
  verify
      ->add_option("--read", options.read_mode,
                   "auto (default), direct (O_DIRECT), mmap or buffered")
      ->check(CLI::IsMember({"auto", "direct", "mmap", "buffered"}).description(""))
      ->type_name("MODE");
  verify->add_flag("--json", options.json, "The result as one JSON object on stdout");
  verify->add_flag("-q,--quiet", options.console.quiet, "Errors only");
  verify->footer(
      "Exit codes: 0 the file is what the receipt says, 8 it is not, 6 it cannot be read, 2 "
      "usage,\n"
      "or the receipt cannot be read or is none.");
  return verify;
}

}  // namespace sluice::cli
