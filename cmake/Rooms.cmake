# bulla_room(NAME FOLDER SOURCES … ROOMS … LIBRARIES …)
#
# One static library for one folder. Its headers are reached as "<last part of FOLDER>/<header>.h" and only by the
# rooms that link it: each room publishes a folder in the build tree which holds nothing but a link to its own
# sources, so an include against the arrows of docs/ARCHITECTURE.md finds no file.
function(bulla_room name folder)
  cmake_parse_arguments(ROOM "" "" "SOURCES;ROOMS;LIBRARIES" ${ARGN})
  get_filename_component(prefix ${folder} NAME)
  set(published ${PROJECT_BINARY_DIR}/rooms/${name})
  file(MAKE_DIRECTORY ${published})
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${folder} ${published}/${prefix} SYMBOLIC)
  list(TRANSFORM ROOM_SOURCES PREPEND ${PROJECT_SOURCE_DIR}/${folder}/)
  if(NOT ROOM_SOURCES)
    message(FATAL_ERROR "${name}: a room needs sources")
  endif()
  add_library(${name} STATIC ${ROOM_SOURCES})
  target_include_directories(${name} PUBLIC ${published})
  target_link_libraries(${name} PUBLIC ${ROOM_ROOMS} PRIVATE bulla_warnings ${ROOM_LIBRARIES})
endfunction()

# Test builds can be told to kill themselves at named points and to force a kernel; release builds know neither.
option(BULLA_FAULTS "Fault points and forced kernels, for tests" OFF)

# Warnings are errors everywhere; the presets add optimisation or sanitizers.
add_library(bulla_warnings INTERFACE)
target_compile_options(bulla_warnings INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wvla
  -Wformat=2 -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wimplicit-fallthrough
  -fstack-protector-strong -fno-strict-aliasing)
target_compile_definitions(bulla_warnings INTERFACE _GNU_SOURCE
  $<$<CONFIG:Release>:_FORTIFY_SOURCE=2> $<$<BOOL:${BULLA_FAULTS}>:BULLA_FAULTS>)
