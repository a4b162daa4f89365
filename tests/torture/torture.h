#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "tests/support/temp_dir.h"
#include "tests/torture/directory_watch.h"
#include "tests/torture/killer.h"
#include "tests/torture/server.h"

namespace sluice::torture {

struct Options {
  std::uint64_t seed = 0;
  int kills = 10;                   ///< the minimum total
  int kills_per_upload = 0;         ///< 0: all in one upload, as far as possible
  std::uint64_t size = 1'000'000;   ///< bytes of a file
  bool scripted = false;            ///< use tests/support/scripted_server.h instead of databankd
  std::vector<std::string> faults;  ///< SPECs for databankd; empty: the usual faults; "none": no
                                    ///< faults
  double cut_after = 0;  ///< mean bytes of requests until a connection is cut; 0: some chunks
  /// sluice's --register-wait: longer than the servers take to register a file; with a shorter one,
  /// sluice must fail.
  std::string register_wait = "2";
  bool tus = false;       ///< use tus, else the phased protocol
  std::string lanes;      ///< for every run over tus; empty: random for each run
  std::string lookahead;  ///< for every run; empty: random for each run
  bool verbose = false;
};

/// The results.
struct Survived {
  int uploads = 0;
  int runs = 0;  ///< starts of sluice
  int kills = 0;
  int interrupted = 0;  ///< SIGTERMs
  int asked = 0;        ///< how often the user had to check whether a file was registered
  int gave_up = 0;      ///< runs that failed because the server was unusable for too long
  int cuts = 0;
  std::string faults;
};

/// sluice has failed a check. `what`: what, and the history.
struct Lost {
  std::string what;
};

/// Uploads files to a Data Bank with faults through a network that cuts connections, and kills
/// sluice the requested number of times; starts it again each time until the file is registered.
/// Then the Data Bank must have the file's bytes, registered once, the journal and the receipt must
/// agree, and no file may contain the token.
class Torture {
 public:
  explicit Torture(Options options);

  /// Throws Lost.
  Survived run();

 private:
  struct Upload {
    std::string name;
    std::filesystem::path path;
    std::uint64_t block = 0;  ///< bytes
    int kills = 0;            ///< planned
    int killed = 0;
    int early = 0;  ///< of the kills: before all bytes are sent
  };
  struct Ended {
    int status = 0;
    bool killed = false;
    bool interrupted = false;
    std::string out;
    std::string err;
  };

  void upload(int kills);
  std::vector<std::string> command(const Upload& upload, const nlohmann::json& entry);
  std::vector<Instant> instants(const Upload& upload, const nlohmann::json& entry);
  Ended start(const std::vector<std::string>& argv, const std::vector<Instant>& instants);
  /// Returns the journal entry of the upload; null if there is none. Throws Lost if the journal
  /// cannot be read.
  nlohmann::json journal_entry(const std::string& name);
  /// Returns whether the upload is finished. Throws Lost for a wrong result.
  bool is_finished(const Ended& ended);
  /// Does what sluice asks the user to do: checks whether the file is registered, and tells sluice.
  /// Returns whether it was.
  bool check_dataset_page(const Upload& upload);
  void check_deposit(const Upload& upload, bool receipt_written);
  void check_receipt(const Upload& upload, const nlohmann::json& receipt);
  void check_no_token_in_files();
  void check_no_token(const std::string& text, const std::string& where);
  [[noreturn]] void lose(const std::string& what) const;

  std::uint64_t below(std::uint64_t bound);
  bool chance(double probability);

  const Options options_;
  const std::uint64_t chunk_;
  std::mt19937_64 random_;
  Survived survived_;
  std::vector<std::string> history_;  ///< of the last runs, for debugging

  test::TempDir directory_;
  Killer killer_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<test::CuttingProxy> proxy_;
  std::unique_ptr<DirectoryWatch> watch_;
};

}  // namespace sluice::torture
