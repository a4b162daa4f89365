# Defines the interface library sluice_flags with the compiler flags of all targets of this project.
# Targets link it privately, so that a program that links sluice::engine does not inherit the warnings.
add_library(sluice_flags INTERFACE)
target_compile_options(sluice_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wnon-virtual-dtor -Wold-style-cast -Wcast-align
  -Woverloaded-virtual -Wnull-dereference -Wformat=2)
if(SLUICE_WARNINGS_AS_ERRORS)
  target_compile_options(sluice_flags INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  # Access to a guarded member without its mutex is an error; io/sync.h has the annotations.
  target_compile_options(sluice_flags INTERFACE -Wthread-safety)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # gcc 12 falsely reports overlapping copies in std::string's operator+ (gcc bug 105651).
  target_compile_options(sluice_flags INTERFACE -Wno-restrict)
  # With sanitizers, which change the inlining, gcc 12 reports these in libstdc++ and fmt.
  if(SLUICE_SANITIZE)
    target_compile_options(sluice_flags INTERFACE -Wno-null-dereference -Wno-maybe-uninitialized)
  endif()
endif()
# The presets with sanitizers set CMAKE_UNITY_BUILD, which takes clang 60 % of the time. The other builds compile each file
# separately, and so detect missing includes and hidden names.
if(CMAKE_UNITY_BUILD)
  # A local variable may have the name of a constant in another file.
  target_compile_options(sluice_flags INTERFACE -Wno-shadow)
endif()
if(SLUICE_SANITIZE)
  add_compile_options(-fsanitize=${SLUICE_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SLUICE_SANITIZE})
endif()

# Compiles files that define command-line options with -O0, because their speed does not matter: CLI11's templates take gcc
# more than twice as long with -O3, and clang 5 to 10 s longer per file with -O1 and a sanitizer.
function(sluice_option_files)
  if(SLUICE_SANITIZE)
    set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS -O0 SKIP_PRECOMPILE_HEADERS ON)
  elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
    set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS -O0)
  endif()
endfunction()

# Links with lld, which takes a tenth of the time. Only if this is the top-level project, because the
# linker is the choice of that project.
find_program(SLUICE_LLD ld.lld)
if(SLUICE_LLD AND PROJECT_IS_TOP_LEVEL)
  add_link_options(-fuse-ld=lld)
endif()
