# Installs the build of sluice in BUILD into a new directory, builds the program in this directory
# with the installed library, COMPILER and FLAGS, and checks the output of the program. Writes only
# into WORK, which it removes.
#
#   cmake -D BUILD=DIR -D WORK=DIR -D COMPILER=PROGRAM -D FLAGS=TEXT -P run.cmake
cmake_minimum_required(VERSION 3.25)

function(step)
  execute_process(COMMAND ${ARGV} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE "${WORK}")
step("${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${WORK}/installed")
step("${CMAKE_COMMAND}" -G Ninja -S "${CMAKE_CURRENT_LIST_DIR}" -B "${WORK}/build"
     "-DCMAKE_PREFIX_PATH=${WORK}/installed" "-DCMAKE_CXX_COMPILER=${COMPILER}" "-DCMAKE_CXX_FLAGS=${FLAGS}"
     # Find only the sluice that was just installed.
     -DCMAKE_FIND_USE_CMAKE_ENVIRONMENT_PATH=OFF -DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF)
step("${CMAKE_COMMAND}" --build "${WORK}/build")

execute_process(COMMAND "${WORK}/build/install_consumer" OUTPUT_VARIABLE output COMMAND_ERROR_IS_FATAL ANY)
message("${output}")
if(NOT output MATCHES "^local_file: .*missing-file")
  message(FATAL_ERROR "install_consumer did not print the error for a missing file")
endif()
foreach(tool sluice databankd)
  step("${WORK}/installed/bin/${tool}" --version)
endforeach()
file(REMOVE_RECURSE "${WORK}")
