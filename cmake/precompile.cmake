# With clang, a precompiled header saves a quarter of the time that the libraries take; with gcc 12 next to nothing.
# The presets for sanitizers set it. The others compile each file by itself, and so show where one lacks an include.
option(SLUICE_PRECOMPILE "Precompile the headers of the standard library, fmt and nlohmann/json" OFF)

if(SLUICE_PRECOMPILE)
  add_library(sluice_headers OBJECT cmake/precompiled.cc)
  target_link_libraries(sluice_headers PRIVATE
    tl::expected fmt::fmt nlohmann_json::nlohmann_json Threads::Threads sluice_flags)
  target_precompile_headers(sluice_headers PRIVATE cmake/precompiled.h)
endif()

# Lets `target`, which has this project's flags and no others, use that header.
function(sluice_precompile target)
  if(SLUICE_PRECOMPILE)
    target_precompile_headers(${target} REUSE_FROM sluice_headers)
  endif()
endfunction()
