# madoguchi_add_plugin(NAME SOURCES files... [LINK targets...] [MANIFEST plugin.textproto])
#
# Builds the plugin NAME as a host reads it, a folder with its program and its manifest:
# <build>/plugins/NAME/. Outside the tree the test NAME_conformance runs the kit over that
# folder (after enable_testing()).
function(madoguchi_add_plugin name)
  cmake_parse_arguments(ARG "" "MANIFEST" "SOURCES;LINK" ${ARGN})
  if(NOT ARG_MANIFEST)
    set(ARG_MANIFEST plugin.textproto)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} Madoguchi::plugin)
  set(folder ${CMAKE_BINARY_DIR}/plugins/${name})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${folder})
  configure_file(${ARG_MANIFEST} ${folder}/plugin.textproto COPYONLY)
  if(MADOGUCHI_CONFORMANCE)
    add_test(NAME ${name}_conformance COMMAND ${MADOGUCHI_CONFORMANCE} ${folder})
    set_tests_properties(${name}_conformance PROPERTIES TIMEOUT 120)
  endif()
endfunction()
