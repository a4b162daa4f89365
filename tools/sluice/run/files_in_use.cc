#include "tools/sluice/run/files_in_use.h"

#include <unistd.h>

#include <string>

#include "tools/sluice/run/receipt_files.h"
#include "tools/sluice/run/state_directory.h"
#include "tools/sluice/tokens/token_store.h"

namespace sluice::cli {

OwnFiles files_in_use(const UploadOptions& options) {
  OwnFiles own;
  if (options.token_file != "-") own.add(options.token_file);
  own.add_with_files(TokenStore::default_directory());
  own.add(options.sums);
  own.add(options.log_json);
  own.add_open(STDOUT_FILENO);
  own.add_open(STDERR_FILENO);
  if (const auto directory = state_dir(options)) {
    own.add(*directory);
    // Under other paths, too. Not all files in the directory: it may contain files of the user.
    own.add(*directory + "/journal.sqlite");
    own.add(*directory + "/journal.sqlite-wal");
  }
  own.add_directory(options.receipts, std::string(receipt_suffix));
  return own;
}

}  // namespace sluice::cli
