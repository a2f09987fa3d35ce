# medisyn_layer(name SOURCES a.cpp ... [USES core io ...] [LINK target ...] [NO_TORCH])
#
# One static library medisyn_<name> out of src/<name>/, with its headers in include/medisyn/<name>/.
# USES names the layers below that it may include. NO_TORCH: the layer includes no torch header.
function(medisyn_layer name)
  cmake_parse_arguments(LAYER "NO_TORCH" "" "SOURCES;USES;LINK" ${ARGN})
  add_library(medisyn_${name} STATIC ${LAYER_SOURCES})
  target_include_directories(medisyn_${name} PUBLIC ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(medisyn_${name} PRIVATE medisyn_flags PUBLIC medisyn_fmt ${LAYER_LINK})
  foreach(used IN LISTS LAYER_USES)
    target_link_libraries(medisyn_${name} PUBLIC medisyn_${used})
  endforeach()
  if(NOT LAYER_NO_TORCH)
    target_link_libraries(medisyn_${name} PUBLIC medisyn_torch)
    medisyn_use_pch(medisyn_${name})
  endif()
endfunction()

# The one precompiled header: <torch/torch.h> costs 10 s a file without it, 3 s with it.
function(medisyn_use_pch target)
  if(NOT TARGET medisyn_pch)
    add_library(medisyn_pch OBJECT ${PROJECT_SOURCE_DIR}/src/pch.cpp)
    target_link_libraries(medisyn_pch PRIVATE medisyn_flags medisyn_fmt medisyn_torch)
    target_precompile_headers(medisyn_pch PRIVATE ${PROJECT_SOURCE_DIR}/src/pch.h)
  endif()
  target_precompile_headers(${target} REUSE_FROM medisyn_pch)
endfunction()
