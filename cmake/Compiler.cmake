# Flags shared by every target.
add_library(medisyn_flags INTERFACE)
target_compile_options(medisyn_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor)
if(MEDISYN_WERROR)
  target_compile_options(medisyn_flags INTERFACE -Werror)
endif()
if(MEDISYN_SANITIZE)
  # With -fsanitize g++ 12 takes moved-from values inside torch's headers for uninitialized ones.
  target_compile_options(medisyn_flags INTERFACE -fsanitize=address,undefined -fno-omit-frame-pointer
    -Wno-maybe-uninitialized)
  target_link_options(medisyn_flags INTERFACE -fsanitize=address,undefined)
endif()
# Full debug information of torch's headers is 10 MB a file; lines are enough for a backtrace.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")
set(CMAKE_CXX_FLAGS_RELEASE "-O3 -DNDEBUG")

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros
      ${CCACHE_PROGRAM})
  add_compile_options(-fpch-preprocess)
endif()
