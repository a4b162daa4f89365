#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string_view>

#include "io/result.h"
#include "io/unique_fd.h"

/// What this server does to files, with errors worded as the Data Bank's Ruby words them, because
/// clients see them: "No space left on device @ io_write - /datafiles/api/KEY/NAME".
/// Any thread, as long as no two work on the same descriptor.
namespace sluice::databankd {

/// errno `code` from what Ruby calls `call`, on the path that a client may know. Error::code is the
/// errno.
Error system_error(int code, std::string_view call, std::string_view shown_path);

/// The functions below return 0 or an errno, and leave the wording to whoever knows the path.
int write_all(int fd, std::span<const std::byte> data);

/// Copies `length` bytes from one file to another, inside the kernel where it can (sharing the
/// blocks on file systems that do). ENODATA where `from` is too short.
int copy_range(int from, std::uint64_t from_offset, int to, std::uint64_t to_offset,
               std::uint64_t length);

/// Hands the first `length` bytes of the file to `sink`, a few hundred KiB at a time.
int read_through(int fd, std::uint64_t length,
                 const std::function<void(std::span<const std::byte>)>& sink);

/// An unnamed file in `directory`, which the kernel removes with its descriptor, whatever happens.
/// On failure the descriptor is empty and errno says why.
UniqueFd open_unnamed(const std::filesystem::path& directory);

}  // namespace sluice::databankd
