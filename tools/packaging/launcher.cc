// bin/sluice of a bundle (tools/bundle): runs libexec/sluice with the loader and the libraries in
// lib/, wherever the bundle is. The kernel would use the loader at a fixed path, which may be
// missing or too old on the system. Linked statically, so that it needs neither.
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

/// Returns the path of this program's file, with symbolic links resolved, such as one in ~/bin.
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

/// Returns a path that the loader accepts for `directory`. If the path contains separators or
/// variables of the loader ($ORIGIN would be empty), it is replaced by one of a descriptor, which
/// stays open in the program.
std::string library_path(const std::string& directory) {
  if (directory.find_first_of(":;$") == std::string::npos) return directory;
  const int opened = ::open(directory.c_str(), O_PATH | O_DIRECTORY);
  const int fd = ::fcntl(opened, F_DUPFD, 3);  // do not use the number of a closed standard stream
  if (fd < 0) fail("cannot open " + directory, errno, "unpack the bundle again");
  ::close(opened);
  return "/proc/self/fd/" + std::to_string(fd);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string self = own_path();
  const std::string root = parent(parent(self));
  // A link to lib/ld-linux-x86-64.so.2: the kernel names the process after the executed file, and
  // ps, top and pkill must find it as sluice.
  std::string loader = root + "/lib/sluice";
  std::string program = root + "/libexec/sluice";
  need(loader, X_OK);
  need(program, R_OK);

  // A library that the site preloads (for example XALT) needs the system's libc, which may be newer
  // than the bundle's: the loader would end the program, or mix both. Keep LD_LIBRARY_PATH for the
  // programs that sluice starts; --library-path replaces it here.
  ::unsetenv("LD_PRELOAD");
  ::unsetenv("LD_AUDIT");
  // For program_path() in sluice, whose /proc/self/exe is the loader.
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
