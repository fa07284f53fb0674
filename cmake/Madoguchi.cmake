# The few rules every folder of the tree shares.

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

add_compile_options(-Wall -Wextra -Wno-unused-parameter -fstack-protector-strong)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # A file takes half a gigabyte at most: collecting garbage before is a tenth of the build.
  add_compile_options(--param=ggc-min-heapsize=400000)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  # Line tables only: backtraces stay readable and the build stays a third of the size.
  set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG -D_FORTIFY_SOURCE=2")
  set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG -D_FORTIFY_SOURCE=2")
elseif(CMAKE_BUILD_TYPE STREQUAL "Debug")
  set(CMAKE_CXX_FLAGS_DEBUG "-g1")
  set(CMAKE_C_FLAGS_DEBUG "-g1")
endif()

# What is tested is optimised; optimising the tests would be a third of the build, and reading the
# headers of gRPC and GoogleTest anew for each of them another.
if(NOT MADOGUCHI_FUZZ AND NOT MADOGUCHI_TSAN)
  set(MADOGUCHI_TEST_OPTIONS -O0 -U_FORTIFY_SOURCE -pthread)
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/test_headers.cc CONTENT "")
  add_library(madoguchi_test_headers OBJECT ${CMAKE_BINARY_DIR}/test_headers.cc)
  target_link_libraries(madoguchi_test_headers PRIVATE GTest::gmock GTest::gtest_main)
  target_compile_options(madoguchi_test_headers PRIVATE ${MADOGUCHI_TEST_OPTIONS})
  target_precompile_headers(madoguchi_test_headers PRIVATE
    <gmock/gmock.h> <gtest/gtest.h> <grpcpp/grpcpp.h> <google/protobuf/text_format.h>
    <filesystem> <fstream> <future> <map> <regex> <set> <sstream> <thread>)
endif()

# madoguchi_together(TARGETS...) compiles the sources of each target as one: what gRPC's headers cost
# is read once. Not under AddressSanitizer, whose build finds the include that a file forgot.
function(madoguchi_together)
  if(NOT CMAKE_CXX_FLAGS MATCHES "address" OR MADOGUCHI_FUZZ)
    set_target_properties(${ARGN} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 6)
  endif()
endfunction()

# madoguchi_test(NAME SOURCES... [LINK targets...] [SKIP_CTEST] [TSAN]) builds a GoogleTest binary and
# registers it. The tests run with the build's bin folder as the working directory. In the tsan
# preset only those that say TSAN are there, and the target tsan_tests builds them.
function(madoguchi_test name)
  cmake_parse_arguments(ARG "SKIP_CTEST;TSAN" "TIMEOUT" "SOURCES;LINK;LABELS;DEPENDS;COMMAND_PREFIX" ${ARGN})
  if(MADOGUCHI_FUZZ OR (MADOGUCHI_TSAN AND NOT ARG_TSAN))
    return()
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gmock GTest::gtest_main)
  if(TARGET madoguchi_test_headers)
    target_compile_options(${name} PRIVATE ${MADOGUCHI_TEST_OPTIONS})
    target_precompile_headers(${name} REUSE_FROM madoguchi_test_headers)
  endif()
  if(MADOGUCHI_TSAN)
    add_dependencies(tsan_tests ${name})
  endif()
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(NOT ARG_SKIP_CTEST)
    add_test(NAME ${name} COMMAND ${ARG_COMMAND_PREFIX} $<TARGET_FILE:${name}>
             WORKING_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
    if(MADOGUCHI_TSAN)
      # The libraries of the distribution are not instrumented: what they do is not judged.
      set_tests_properties(${name} PROPERTIES
        ENVIRONMENT "TSAN_OPTIONS=ignore_noninstrumented_modules=1:halt_on_error=1")
    endif()
  endif()
endfunction()

# madoguchi_fuzzer(NAME SOURCES... LINK targets...) builds a libFuzzer target in the fuzz preset
# and registers its ten second smoke run.
function(madoguchi_fuzzer name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  if(NOT MADOGUCHI_FUZZ)
    return()
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINK})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
  add_test(NAME ${name}_smoke COMMAND ${name} -max_total_time=10 -timeout=5 -rss_limit_mb=2048
           WORKING_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
  set_tests_properties(${name}_smoke PROPERTIES TIMEOUT 120 LABELS fuzz)
endfunction()

# madoguchi_plugin(NAME SOURCES... LINK targets...) builds one plugin folder, as an author outside
# the tree does: <build>/plugins/NAME/.
include(${CMAKE_SOURCE_DIR}/sdk/package/MadoguchiAddPlugin.cmake)
function(madoguchi_plugin name)
  if(NOT MADOGUCHI_FUZZ)
    madoguchi_add_plugin(${name} ${ARGN})
  endif()
endfunction()

# madoguchi_conformance_test(PLUGIN [SUFFIX suffix] [COMMAND_PREFIX ...] [OPTIONS ...]) registers the
# test that PLUGIN passes the conformance kit, with OPTIONS for it: conformance_PLUGIN[_SUFFIX]. It
# needs no source: whoever copies a plugin's folder copies this line.
function(madoguchi_conformance_test plugin)
  cmake_parse_arguments(ARG "" "SUFFIX" "COMMAND_PREFIX;OPTIONS;LABELS" ${ARGN})
  if(MADOGUCHI_FUZZ OR MADOGUCHI_TSAN)
    return()
  endif()
  set(test conformance_${plugin})
  if(ARG_SUFFIX)
    string(APPEND test _${ARG_SUFFIX})
  endif()
  add_test(NAME ${test}
           COMMAND ${ARG_COMMAND_PREFIX} ${CMAKE_BINARY_DIR}/bin/madoguchi-conformance
                   ${CMAKE_BINARY_DIR}/plugins/${plugin} ${ARG_OPTIONS})
  set_tests_properties(${test} PROPERTIES TIMEOUT 120 LABELS "${ARG_LABELS}")
endfunction()
