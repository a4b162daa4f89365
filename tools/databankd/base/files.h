#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string_view>

#include "io/result.h"
#include "io/unique_fd.h"

/// File operations, with the error texts of the Data Bank's Ruby, because clients see them: "No
/// space left on device @ io_write - /datafiles/api/KEY/NAME". Any thread, if no other uses the
/// same descriptor.
namespace sluice::databankd {

/// Returns the error for errno `code` from the Ruby function `call`. `shown_path`: a path that
/// clients may see. Error::code is the errno.
Error system_error(int code, std::string_view call, std::string_view shown_path);

/// Writes all of `data`, if need be in several calls. Returns 0 or an errno.
int write_all(int fd, std::span<const std::byte> data);

/// Copies `length` bytes from one file to another, inside the kernel if possible
/// (copy_file_range(2)). Returns 0 or an errno; ENODATA if `from` is too short.
int copy_range(int from, std::uint64_t from_offset, int to, std::uint64_t to_offset,
               std::uint64_t length);

/// Passes the first `length` bytes of the file to `sink` in pieces of a few hundred KiB. Returns 0
/// or an errno.
int read_through(int fd, std::uint64_t length,
                 const std::function<void(std::span<const std::byte>)>& sink);

/// Opens an unnamed file in `directory`, which the kernel deletes when the descriptor is closed. On
/// failure the descriptor is empty and errno is set.
UniqueFd open_unnamed(const std::filesystem::path& directory);

}  // namespace sluice::databankd
