#include "tests/support/temp_dir.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>

namespace sluice::test {
namespace {

constexpr std::size_t file_piece = std::size_t{1} << 20;

/// splitmix64: each word depends only on its index and the seed, so any part of a file can be
/// generated separately.
std::uint64_t random_word(std::uint64_t seed, std::uint64_t index) {
  std::uint64_t z = (seed << 40) + (index + 1) * 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

/// `offset`: a multiple of the word size.
void fill_random(char* memory, std::size_t size, std::uint64_t offset, std::uint64_t seed) {
  for (std::size_t done = 0; done < size; done += sizeof(std::uint64_t)) {
    const std::uint64_t word = random_word(seed, (offset + done) / sizeof(std::uint64_t));
    std::memcpy(memory + done, &word, std::min(sizeof word, size - done));
  }
}

std::ifstream open_to_read(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path.string());
  return in;
}

std::ofstream open_to_write(const std::filesystem::path& path) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.exceptions(std::ios::badbit | std::ios::failbit);
  return out;
}

}  // namespace

TempDir::TempDir(const std::filesystem::path& parent) {
  const std::filesystem::path base =
      parent.empty() ? std::filesystem::temp_directory_path() : parent;
  std::string name = (base / "sluice-test-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    throw std::system_error(errno, std::system_category(), "mkdtemp " + name);
  }
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;  // a destructor cannot report errors
  std::filesystem::remove_all(path_, ignored);
}

std::string random_bytes(std::size_t size, std::uint64_t seed) {
  std::string bytes(size, '\0');
  fill_random(bytes.data(), size, 0, seed);
  return bytes;
}

void write_file(const std::filesystem::path& path, const std::string& content) {
  std::ofstream out = open_to_write(path);
  out.write(content.data(), static_cast<std::streamsize>(content.size()));
  out.close();
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in = open_to_read(path);
  std::ostringstream content;
  if (in.peek() != std::ifstream::traits_type::eof()) content << in.rdbuf();
  return content.str();
}

void write_random_file(const std::filesystem::path& path, std::uint64_t size, std::uint64_t seed) {
  std::ofstream out = open_to_write(path);
  std::string bytes(file_piece, '\0');
  for (std::uint64_t done = 0; done < size; done += file_piece) {
    const std::size_t now = std::min<std::uint64_t>(file_piece, size - done);
    fill_random(bytes.data(), now, done, seed);
    out.write(bytes.data(), static_cast<std::streamsize>(now));
  }
  out.close();
}

bool same_content(const std::filesystem::path& a, const std::filesystem::path& b) {
  std::ifstream in_a = open_to_read(a);
  std::ifstream in_b = open_to_read(b);
  std::string bytes_a(file_piece, '\0');
  std::string bytes_b(file_piece, '\0');
  while (true) {
    in_a.read(bytes_a.data(), static_cast<std::streamsize>(file_piece));
    in_b.read(bytes_b.data(), static_cast<std::streamsize>(file_piece));
    if (in_a.gcount() != in_b.gcount()) return false;
    const auto got = static_cast<std::size_t>(in_a.gcount());
    if (std::memcmp(bytes_a.data(), bytes_b.data(), got) != 0) return false;
    if (got < file_piece) return true;
  }
}

}  // namespace sluice::test
