# Flags that every target of this project shares. Interface library `sluice_flags` carries them,
# so that a program that merely links sluice::engine does not inherit our warnings.
add_library(sluice_flags INTERFACE)
target_compile_options(sluice_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wnon-virtual-dtor -Wold-style-cast -Wcast-align
  -Woverloaded-virtual -Wnull-dereference -Wformat=2)
if(SLUICE_WARNINGS_AS_ERRORS)
  target_compile_options(sluice_flags INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # io/sync.h carries the annotations; a guarded field touched without its mutex fails the build.
  target_compile_options(sluice_flags INTERFACE -Wthread-safety)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # gcc 12 sees overlapping copies inside std::string's operator+ (gcc bug 105651).
  target_compile_options(sluice_flags INTERFACE -Wno-restrict)
  # gcc 12 reports these from inside libstdc++ and fmt once sanitizers change the inlining.
  if(SLUICE_SANITIZE)
    target_compile_options(sluice_flags INTERFACE -Wno-null-dereference -Wno-maybe-uninitialized)
  endif()
endif()
# The presets for sanitizers compile several files as one (CMAKE_UNITY_BUILD), which takes clang 60 % of the time.
# The others compile each file by itself, and so show where one lacks an include or hides a name.
if(CMAKE_UNITY_BUILD)
  # A local name may be that of a constant in another file.
  target_compile_options(sluice_flags INTERFACE -Wno-shadow)
endif()
if(SLUICE_SANITIZE)
  add_compile_options(-fsanitize=${SLUICE_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SLUICE_SANITIZE})
endif()

# For files that define command-line options, whose speed does not matter: CLI11's templates take gcc more than twice as long
# with -O3 as with -O0, and clang 5 to 10 s a file longer with -O1 and a sanitizer.
function(sluice_option_files)
  if(SLUICE_SANITIZE)
    set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS -O0 SKIP_PRECOMPILE_HEADERS ON)
  elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
    set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS -O0)
  endif()
endfunction()

# Linking is a tenth of the time with it. Only where this is the project being built: the choice of a
# linker is not a library's.
find_program(SLUICE_LLD ld.lld)
if(SLUICE_LLD AND PROJECT_IS_TOP_LEVEL)
  add_link_options(-fuse-ld=lld)
endif()
