# Defines what `cmake --install` installs: the two tools and their man pages (tools/sluice adds completions), the library,
# its public headers in include/sluice, and a CMake package, so that another project can call find_package(sluice) and
# link sluice::engine.
include(CMakePackageConfigHelpers)

# Public headers have the same path in include/sluice as in the repository, for example
# "engine/upload.h".
install(TARGETS sluice_io EXPORT sluice-targets
        PUBLIC_HEADER DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/sluice/io")
install(TARGETS sluice_engine EXPORT sluice-targets
        FILE_SET HEADERS DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/sluice")
if(SLUICE_BUILD_TOOLS)
  install(TARGETS sluice databankd)
  foreach(section 1 5)
    file(GLOB pages CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tools/man/*.${section}")
    install(FILES ${pages} DESTINATION "${CMAKE_INSTALL_MANDIR}/man${section}")
  endforeach()
endif()

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/sluice")
configure_package_config_file(cmake/sluice-config.cmake.in "${PROJECT_BINARY_DIR}/sluice-config.cmake"
                              INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/sluice-config-version.cmake"
                                 COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/sluice-config.cmake" "${PROJECT_BINARY_DIR}/sluice-config-version.cmake"
              cmake/FindxxHash.cmake cmake/Findutf8proc.cmake
        DESTINATION "${package_dir}")
install(EXPORT sluice-targets NAMESPACE sluice:: DESTINATION "${package_dir}")
