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
  int kills = 10;                   ///< as many in all, at least
  int kills_per_upload = 0;         ///< 0: all in one, as far as they fit in
  std::uint64_t size = 1'000'000;   ///< bytes of a file
  bool scripted = false;            ///< the server: tests/support/scripted_server.h, else databankd
  std::vector<std::string> faults;  ///< SPECs for databankd, empty for the usual ones; or "none"
  double cut_after =
      0;  ///< bytes of requests until a connection is cut, on average; 0: some chunks
  /// sluice's: longer than the servers take to register a file. Shorter, and it must lose.
  std::string register_wait = "2";
  bool tus = false;       ///< over that, else over the phased protocol
  std::string lanes;      ///< of every run over tus; empty: another one each time
  std::string lookahead;  ///< of every run; empty: another one each time
  bool verbose = false;
};

/// What came to pass.
struct Survived {
  int uploads = 0;
  int runs = 0;  ///< starts of sluice
  int kills = 0;
  int interrupted = 0;  ///< SIGTERMs
  int asked = 0;        ///< a person had to look whether a file was registered
  int gave_up = 0;      ///< runs that ended because the server was of no use for too long
  int cuts = 0;
  std::string faults;
};

/// sluice did what it must never do; the text says what, and how it came to that.
struct Lost {
  std::string what;
};

/// Uploads files through a network that cuts connections into a Data Bank that misbehaves, and
/// kills sluice on the way, as often as it is asked to; starts it again each time until the file is
/// registered. Then the Data Bank must hold the file's bytes, registered once, and so must say the
/// journal and the receipt; and the token must not be in any file.
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
    int early = 0;  ///< of the kills: before all bytes are there
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
  /// What the journal has of it; null for nothing. Loses if the journal cannot be read.
  nlohmann::json journal_entry(const std::string& name);
  /// Whether that is the end; loses if it is a wrong one.
  bool over(const Ended& ended);
  /// What sluice asks of a person: to look whether it is registered, and to say so. True if it was.
  bool look_at_the_page(const Upload& upload);
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
  std::vector<std::string> history_;  ///< of the last runs, for whoever has to find out why

  test::TempDir directory_;
  Killer killer_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<test::CuttingProxy> proxy_;
  std::unique_ptr<DirectoryWatch> watch_;
};

}  // namespace sluice::torture
