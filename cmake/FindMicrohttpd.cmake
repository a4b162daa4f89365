# Finds libmicrohttpd, which has no CMake package, and defines the target Microhttpd::microhttpd.
find_path(Microhttpd_INCLUDE_DIR NAMES microhttpd.h)
find_library(Microhttpd_LIBRARY NAMES microhttpd)
if(Microhttpd_INCLUDE_DIR)
  # Reads "#define MHD_VERSION 0x00097500" as 0.9.75: one byte per part, the last one for prereleases.
  file(STRINGS "${Microhttpd_INCLUDE_DIR}/microhttpd.h" version_line REGEX "^#define MHD_VERSION 0x")
  if(version_line MATCHES "0x00([0-9][0-9])([0-9][0-9])[0-9][0-9]$")
    set(Microhttpd_VERSION "0.${CMAKE_MATCH_1}.${CMAKE_MATCH_2}")
  elseif(version_line MATCHES "0x([0-9][0-9])([0-9][0-9])([0-9][0-9])[0-9][0-9]$")
    set(Microhttpd_VERSION "${CMAKE_MATCH_1}.${CMAKE_MATCH_2}.${CMAKE_MATCH_3}")
  endif()
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Microhttpd
  REQUIRED_VARS Microhttpd_LIBRARY Microhttpd_INCLUDE_DIR
  VERSION_VAR Microhttpd_VERSION)
mark_as_advanced(Microhttpd_INCLUDE_DIR Microhttpd_LIBRARY)
if(Microhttpd_FOUND AND NOT TARGET Microhttpd::microhttpd)
  add_library(Microhttpd::microhttpd UNKNOWN IMPORTED)
  set_target_properties(Microhttpd::microhttpd PROPERTIES
    IMPORTED_LOCATION "${Microhttpd_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${Microhttpd_INCLUDE_DIR}")
endif()
