# Every dependency of medisyn, named once, with its reason.

# LibTorch (tensors, autograd, c10d) comes out of the pinned torch wheel in .venv. Its own CMake package stops
# with an error where no CUDA toolkit is installed, so the imported targets are defined here from the libraries.
file(GLOB MEDISYN_SITE_PACKAGES ${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages)
if(NOT EXISTS ${MEDISYN_SITE_PACKAGES}/torch/lib/libtorch_cpu.so)
  message(FATAL_ERROR "no torch wheel in ${PROJECT_SOURCE_DIR}/.venv: run scripts/setup.sh first")
endif()
set(TORCH_ROOT ${MEDISYN_SITE_PACKAGES}/torch)
set(NVIDIA_ROOT ${MEDISYN_SITE_PACKAGES}/nvidia)

find_program(NVCC_PROGRAM nvcc HINTS /usr/local/cuda/bin)
set(MEDISYN_WITH_CUDA ${MEDISYN_CUDA})
if(MEDISYN_CUDA STREQUAL "AUTO")
  set(MEDISYN_WITH_CUDA OFF)
  if(NVCC_PROGRAM AND EXISTS ${NVIDIA_ROOT}/nccl/include/nccl.h)
    set(MEDISYN_WITH_CUDA ON)
  endif()
endif()
message(STATUS "CUDA and NCCL: ${MEDISYN_WITH_CUDA} (MEDISYN_CUDA=${MEDISYN_CUDA})")

add_library(medisyn_torch INTERFACE)
target_include_directories(medisyn_torch SYSTEM INTERFACE
  ${TORCH_ROOT}/include ${TORCH_ROOT}/include/torch/csrc/api/include)
target_link_libraries(medisyn_torch INTERFACE ${TORCH_ROOT}/lib/libtorch_cpu.so ${TORCH_ROOT}/lib/libc10.so
  ${TORCH_ROOT}/lib/libgomp.so.1)  # torch's OpenMP: threads that read data ahead ask it for one thread each
# The CUDA runtime that libtorch_cpu.so names is found through the rpath only.
set(MEDISYN_RPATH ${TORCH_ROOT}/lib ${NVIDIA_ROOT}/cu13/lib)
if(MEDISYN_WITH_CUDA)
  if(NOT NVCC_PROGRAM)
    message(FATAL_ERROR "MEDISYN_CUDA=ON, but no nvcc was found: install the CUDA toolkit or say OFF")
  endif()
  # What libmedisyn_cuda.so links (src/dist). The wheels' NCCL and cuDNN stand before the toolkit's: its NCCL is
  # older, and a struct of another size in ProcessGroupNCCL::Options breaks the heap.
  cmake_path(GET NVCC_PROGRAM PARENT_PATH NVCC_FOLDER)
  list(APPEND MEDISYN_RPATH ${NVIDIA_ROOT}/nccl/lib ${NVIDIA_ROOT}/cudnn/lib ${NVIDIA_ROOT}/cusparselt/lib
       ${NVIDIA_ROOT}/nvshmem/lib)
  add_library(medisyn_cuda_libraries INTERFACE)
  target_include_directories(medisyn_cuda_libraries SYSTEM INTERFACE
    ${NVIDIA_ROOT}/nccl/include ${NVIDIA_ROOT}/cudnn/include ${NVIDIA_ROOT}/cu13/include
    ${NVCC_FOLDER}/../include)
  # libtorch_cuda.so registers its kernels when it is loaded and no symbol of it is named: keep it.
  target_link_libraries(medisyn_cuda_libraries INTERFACE medisyn_torch medisyn_fmt
    -Wl,--no-as-needed ${TORCH_ROOT}/lib/libtorch_cuda.so ${TORCH_ROOT}/lib/libc10_cuda.so -Wl,--as-needed
    ${NVIDIA_ROOT}/nccl/lib/libnccl.so.2 ${NVIDIA_ROOT}/cudnn/lib/libcudnn.so.9)
endif()
list(JOIN MEDISYN_RPATH ":" MEDISYN_RPATH_LINK)
target_link_options(medisyn_torch INTERFACE -Wl,-rpath-link,${MEDISYN_RPATH_LINK})
set(CMAKE_BUILD_RPATH ${MEDISYN_RPATH})
set(CMAKE_INSTALL_RPATH ${MEDISYN_RPATH})

# Gloo's headers, which those of c10d's Gloo process group (ranks on CPUs) include; its code is in libtorch_cpu.so.
find_path(GLOO_INCLUDE_DIR gloo/context.h REQUIRED)

# Text formatting: the fmt inside torch's wheel, so that nothing clashes with Debian's.
add_library(medisyn_fmt STATIC ${PROJECT_SOURCE_DIR}/src/core/fmt.cpp)
target_include_directories(medisyn_fmt SYSTEM PUBLIC ${TORCH_ROOT}/include)
set_target_properties(medisyn_fmt PROPERTIES POSITION_INDEPENDENT_CODE ON)

# Config files: a YAML parser that keeps line numbers.
find_package(yaml-cpp REQUIRED)
# JSON: result files, HF configs, metadata.jsonl.
find_package(nlohmann_json 3.11 REQUIRED)
# Command line.
find_package(CLI11 2.1 REQUIRED)
# Log lines; seen by src/core/log.cpp alone, because it needs Debian's fmt 9 and torch ships fmt 12.
find_package(spdlog REQUIRED)
# SHA-256.
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
# BMP files, drawing, video frames.
find_package(OpenCV 4 REQUIRED COMPONENTS core imgproc imgcodecs videoio)
# PNG and JPEG files, without OpenCV's copies and its lines on stderr: every colour model, bit depth and alpha.
find_package(PNG REQUIRED)
find_package(JPEG REQUIRED)
# Deflate of PNG files, at twice zlib's speed and the same size.
find_path(DEFLATE_INCLUDE_DIR libdeflate.h REQUIRED)
find_library(DEFLATE_LIBRARY deflate REQUIRED)
# Unicode: NFC, lower case and \p{L} for tokenizers.
find_package(ICU REQUIRED COMPONENTS uc i18n)
# SentencePiece: vocabularies of models trained from scratch.
find_library(SENTENCEPIECE_LIBRARY sentencepiece REQUIRED)
find_library(SENTENCEPIECE_TRAIN_LIBRARY sentencepiece_train REQUIRED)
# Compressed volumes (NRRD) and PNG chunk checksums.
find_package(ZLIB REQUIRED)
# Tar shards of WebDataset.
find_package(LibArchive REQUIRED)
# DICOM with JPEG, JPEG-LS and RLE.
find_package(DCMTK REQUIRED)
# JPEG 2000 inside DICOM files, which DCMTK does not decode. Its own CMake package asks for more than is needed.
find_path(GDCM_INCLUDE_DIR gdcmImageReader.h PATH_SUFFIXES gdcm-3.0 REQUIRED)
find_library(GDCM_MSFF_LIBRARY gdcmMSFF REQUIRED)
find_library(GDCM_DSED_LIBRARY gdcmDSED REQUIRED)
find_library(GDCM_COMMON_LIBRARY gdcmCommon REQUIRED)
# Whole slides of pathology (SVS, NDPI, MRXS, tiled TIFF and others).
find_path(OPENSLIDE_INCLUDE_DIR openslide.h PATH_SUFFIXES openslide REQUIRED)
find_library(OPENSLIDE_LIBRARY openslide REQUIRED)
# TIFF files. OpenSlide stands on it, too.
find_package(TIFF REQUIRED)
# NIfTI volumes.
find_path(NIFTI_INCLUDE_DIR nifti1_io.h PATH_SUFFIXES nifti REQUIRED)
find_library(NIFTI_LIBRARY niftiio REQUIRED)
find_library(ZNZ_LIBRARY znz REQUIRED)
# The reader study's server: HTTP, and answers that survive a kill. The macros are those that Debian's library was
# compiled with; without them its structs have another layout.
find_path(HTTPLIB_INCLUDE_DIR httplib.h REQUIRED)
find_library(HTTPLIB_LIBRARY cpp-httplib REQUIRED)
add_library(medisyn_httplib INTERFACE)
target_include_directories(medisyn_httplib SYSTEM INTERFACE ${HTTPLIB_INCLUDE_DIR})
target_compile_definitions(medisyn_httplib INTERFACE
  CPPHTTPLIB_OPENSSL_SUPPORT CPPHTTPLIB_ZLIB_SUPPORT CPPHTTPLIB_BROTLI_SUPPORT)
target_link_libraries(medisyn_httplib INTERFACE ${HTTPLIB_LIBRARY})
find_package(SQLite3 REQUIRED)
if(NOT TARGET SQLite3::SQLite3)  # its name from CMake 4.3 on
  add_library(SQLite3::SQLite3 ALIAS SQLite::SQLite3)
endif()
# Charts of the HTML report: Debian's libjs-chart.js, put into the binary so that a report opens offline.
find_file(CHART_JS chart.min.js PATHS /usr/share/javascript/chart.js /usr/share/nodejs/chart.js/dist REQUIRED)

if(MEDISYN_TESTS)
  find_package(GTest REQUIRED)
endif()
