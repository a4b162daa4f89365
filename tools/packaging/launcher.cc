// bin/sluice of a bundle (tools/bundle): runs libexec/sluice with the loader and the libraries in
// lib/, wherever the bundle is. The kernel would look for the loader at a fixed path, which the
// system does not have or which is too old. Static, so that it needs neither.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

[[noreturn]] void fail(const std::string& what, int code, const char* advice) {
  std::fprintf(stderr, "sluice: %s: %s; %s\n", what.c_str(), std::strerror(code), advice);
  std::exit(1);
}

/// This program's file: a symbolic link to it in ~/bin is resolved.
std::string own_path() {
  char path[PATH_MAX];
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof path);
  if (length < 0)
    fail("cannot find the directory of the bundle: cannot read /proc/self/exe", errno,
         "mount /proc");
  if (length == sizeof path)
    fail("cannot find the directory of the bundle", ENAMETOOLONG,
         "unpack the bundle into a directory with a shorter path");
  return {path, static_cast<std::size_t>(length)};
}

std::string parent(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

void need(const std::string& file, int mode) {
  if (::access(file.c_str(), mode) != 0)
    fail("cannot use " + file, errno,
         "unpack the bundle again, and move its directory only as a whole");
}

/// What the loader takes for `directory`: a path with one of its separators or variables (in which
/// $ORIGIN would be empty) goes by a descriptor, which stays open in the program.
std::string library_path(const std::string& directory) {
  if (directory.find_first_of(":;$") == std::string::npos) return directory;
  const int opened = ::open(directory.c_str(), O_PATH | O_DIRECTORY);
  const int fd = ::fcntl(opened, F_DUPFD, 3);  // a standard stream that is closed stays so
  if (fd < 0) fail("cannot open " + directory, errno, "unpack the bundle again");
  ::close(opened);
  return "/proc/self/fd/" + std::to_string(fd);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string self = own_path();
  const std::string root = parent(parent(self));
  // A link to lib/ld-linux-x86-64.so.2: the kernel calls the process what the executed file is
  // called, and ps, top and pkill are to find it as sluice.
  std::string loader = root + "/lib/sluice";
  std::string program = root + "/libexec/sluice";
  need(loader, X_OK);
  need(program, R_OK);

  // What a site preloads (XALT, for one) needs the system's libc, which may be newer than this one:
  // the loader would end the program, or run it with libraries of both. LD_LIBRARY_PATH stays for
  // the programs that sluice starts; --library-path replaces it here.
  ::unsetenv("LD_PRELOAD");
  ::unsetenv("LD_AUDIT");
  // For the program, which could not tell: its /proc/self/exe is the loader.
  if (::setenv("SLUICE_PROGRAM", self.c_str(), 1) != 0)
    fail("cannot set SLUICE_PROGRAM", errno, "raise the limit on memory");

  std::string words[] = {"sluice",         "--inhibit-cache",
                         "--library-path", library_path(root + "/lib"),
                         "--argv0",        argc > 0 ? argv[0] : "sluice"};
  std::vector<char*> command;
  for (std::string& word : words) command.push_back(word.data());
  command.push_back(program.data());
  for (int i = 1; i < argc; ++i) command.push_back(argv[i]);
  command.push_back(nullptr);
  ::execv(loader.c_str(), command.data());
  fail("cannot run " + loader, errno,
       "the file system must allow programs (it must not be mounted with noexec)");
}
