# What `cmake --install` lays down: the two tools, the library, its headers under include/sluice, and
# a package file, so that another program can say find_package(sluice) and link sluice::engine.
include(CMakePackageConfigHelpers)

install(TARGETS sluice_io sluice_engine EXPORT sluice-targets)
install(FILES $<TARGET_PROPERTY:sluice_io,PUBLIC_HEADERS> DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/sluice/io")
install(FILES $<TARGET_PROPERTY:sluice_engine,PUBLIC_HEADERS> DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/sluice/engine")
if(SLUICE_BUILD_TOOLS)
  install(TARGETS sluice databankd)
endif()

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/sluice")
configure_package_config_file(cmake/sluice-config.cmake.in "${CMAKE_BINARY_DIR}/sluice-config.cmake"
                              INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file("${CMAKE_BINARY_DIR}/sluice-config-version.cmake"
                                 COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_BINARY_DIR}/sluice-config.cmake" "${CMAKE_BINARY_DIR}/sluice-config-version.cmake"
              cmake/FindxxHash.cmake
        DESTINATION "${package_dir}")
install(EXPORT sluice-targets NAMESPACE sluice:: DESTINATION "${package_dir}")
