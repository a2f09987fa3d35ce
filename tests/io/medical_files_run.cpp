// Reads one medical file and writes what medisyn makes of it as raw bytes: the half of
// scripts/parity_medical_files.py that is medisyn's.
//
//   medical_files_run FILE OUT
//
// A DICOM file gives uint8 [frames, H, W, 3]. A volume (.nii, .nii.gz, .nrrd) gives float32 of all axial, all
// coronal and all sagittal slices, each [slices, H, W]. The sizes go to stdout, a line each.
#include <fmt/format.h>

#include <cstdio>
#include <string>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/io/dicom.h"
#include "medisyn/io/volume.h"

namespace medisyn {
namespace {

void write_frames(const fs::path& in, AtomicFile& out) {
  const DicomInfo info = read_dicom_frames(
      in, {}, [&](int, const Image& image) { out.write(image.pixels.data(), image.pixels.size()); });
  fmt::print("frames {} {} {}\n", info.frames, info.height, info.width);
}

void write_slices(const Volume& volume, AtomicFile& out) {
  for (const Plane plane : {Plane::kAxial, Plane::kCoronal, Plane::kSagittal}) {
    const int count = slice_count(volume, plane);
    Slice slice;
    for (int index = 0; index < count; ++index) {
      slice = take_slice(volume, plane, index);
      out.write(slice.values.data(), slice.values.size() * sizeof(float));
    }
    fmt::print("{} {} {} {} {} {}\n", plane_name(plane), count, slice.height, slice.width, slice.row_spacing,
               slice.column_spacing);
  }
}

void run(const fs::path& in, const fs::path& target) {
  AtomicFile out(target);
  const std::string name = in.filename().string();
  if (name.ends_with(".nii") || name.ends_with(".nii.gz")) {
    write_slices(read_nifti(in), out);
  } else if (name.ends_with(".nrrd")) {
    write_slices(read_nrrd(in), out);
  } else {
    write_frames(in, out);
  }
  out.commit();
}

}  // namespace
}  // namespace medisyn

int main(int argc, char** argv) {
  try {
    if (argc != 3) {
      medisyn::fail("usage: medical_files_run FILE OUT");
    }
    medisyn::run(argv[1], argv[2]);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 2;
  }
}
