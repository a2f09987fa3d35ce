// NumPy's .npz: a zip archive with one .npy file an array, stored or deflated.
//
//   NAME.npy   "\x93NUMPY", major, minor, header length (2 or 4 bytes), then a Python dict in text:
//              {'descr': '<f8', 'fortran_order': False, 'shape': (2048, 2048), }, then the values
//
// Source: NumPy, numpy/lib/_format_impl.py.
#pragma once

#include <filesystem>

#include "medisyn/io/safetensors.h"

namespace medisyn {

/// The arrays by name (without ".npy"), of floating-point, whole or Boolean numbers, little endian. Error
/// naming the file, and the array where there is one, for anything else, for objects, and for a file that is
/// cut short.
TensorMap read_npz(const std::filesystem::path& path);

/// Writes what numpy.load reads, not compressed. The same arrays give the same bytes.
void write_npz(const std::filesystem::path& path, const TensorMap& arrays);

}  // namespace medisyn
