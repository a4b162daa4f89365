# A precompiled header saves clang a quarter of the time for the libraries, and gcc 12 almost nothing. The presets with
# sanitizers set this option. The other builds detect missing includes.
option(SLUICE_PRECOMPILE "Precompile the headers of the standard library, fmt and nlohmann/json" OFF)

if(SLUICE_PRECOMPILE)
  add_library(sluice_headers OBJECT cmake/precompiled.cc)
  target_link_libraries(sluice_headers PRIVATE
    tl::expected fmt::fmt nlohmann_json::nlohmann_json Threads::Threads sluice_flags)
  target_precompile_headers(sluice_headers PRIVATE cmake/precompiled.h)
endif()

# Makes `target` use the precompiled header. The target must have exactly the flags of sluice_headers.
function(sluice_precompile target)
  if(SLUICE_PRECOMPILE)
    target_precompile_headers(${target} REUSE_FROM sluice_headers)
  endif()
endfunction()
