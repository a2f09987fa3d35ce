#include "medisyn/io/volume.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "gzipped.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

constexpr std::array<int, 3> kSize{2, 3, 4};

/// Voxel (i, j, k) of a file is 100 k + 10 j + i.
template <class T>
std::string voxels() {
  std::string bytes;
  for (int k = 0; k < kSize[2]; ++k) {
    for (int j = 0; j < kSize[1]; ++j) {
      for (int i = 0; i < kSize[0]; ++i) {
        const T value = static_cast<T>(100 * k + 10 * j + i);
        bytes.append(reinterpret_cast<const char*>(&value), sizeof(T));
      }
    }
  }
  return bytes;
}

using Affine = std::array<std::array<float, 4>, 3>;

template <class T>
void put(std::string& header, std::size_t at, T value) {
  std::memcpy(header.data() + at, &value, sizeof(T));
}

/// A NIfTI-1 header by its byte offsets (nifti1.h), int16 voxels behind it.
std::string nifti_bytes(const Affine& affine, std::int16_t sform_code = 1) {
  std::string header(352, '\0');
  put<std::int32_t>(header, 0, 348);
  put<std::int16_t>(header, 40, 3);
  for (std::size_t axis = 0; axis < 3; ++axis) {
    put<std::int16_t>(header, 42 + 2 * axis, static_cast<std::int16_t>(kSize[axis]));
    put<float>(header, 80 + 4 * axis, 1.0F + static_cast<float>(axis));
  }
  for (std::size_t axis = 3; axis < 7; ++axis) {
    put<std::int16_t>(header, 42 + 2 * axis, 1);
  }
  put<std::int16_t>(header, 70, 4);  // int16
  put<std::int16_t>(header, 72, 16);
  put<float>(header, 76, 1.0F);
  put<float>(header, 108, 352.0F);
  put<float>(header, 112, 1.0F);
  header[123] = 2;  // mm
  put<std::int16_t>(header, 254, sform_code);
  std::memcpy(header.data() + 280, affine.data(), sizeof(affine));
  std::memcpy(header.data() + 344, "n+1", 4);
  return header + voxels<std::int16_t>();
}

const Affine kIdentity{{{1, 0, 0, 0}, {0, 2, 0, 0}, {0, 0, 3, 0}}};

Volume load_nifti(const std::string& bytes, const std::string& name = "v.nii") {
  const fs::path file = fresh_folder() / name;
  write_file(file, bytes);
  return read_nifti(file);
}

/// The value at canonical voxel (x, y, z).
float at(const Volume& volume, int x, int y, int z) {
  return volume.voxels[static_cast<std::size_t>((z * volume.size[1] + y) * volume.size[0] + x)];
}

TEST(Nifti, IdentityKeepsTheOrder) {
  for (const bool is_packed : {false, true}) {
    const std::string bytes = nifti_bytes(kIdentity);
    const Volume volume = load_nifti(is_packed ? gzipped(bytes) : bytes, is_packed ? "v.nii.gz" : "v.nii");
    EXPECT_EQ(volume.size, kSize);
    EXPECT_EQ(volume.spacing, (std::array<double, 3>{1, 2, 3}));
    EXPECT_EQ(at(volume, 1, 2, 3), 321.0F);
  }
}

TEST(Nifti, FlippedAffineTurnsTheVolume) {
  const Volume volume = load_nifti(nifti_bytes({{{-1, 0, 0, 9}, {0, 2, 0, 0}, {0, 0, -3, 5}}}));
  EXPECT_EQ(at(volume, 0, 0, 0), 301.0F);  // i and k run backwards
  EXPECT_EQ(at(volume, 1, 2, 3), 20.0F);
}

TEST(Nifti, PermutedAndObliqueAxes) {
  // i runs up, j to the left, k to the front, tilted a little.
  const Volume volume = load_nifti(nifti_bytes({{{0, -2, 0.3F, 0}, {0.1F, 0.2F, 3, 0}, {1, 0, 0.3F, 0}}}));
  EXPECT_EQ(volume.size, (std::array<int, 3>{3, 4, 2}));
  EXPECT_NEAR(volume.spacing[0], std::hypot(2, 0.2), 1e-6);
  EXPECT_EQ(at(volume, 0, 3, 1), 321.0F);
  EXPECT_EQ(at(volume, 2, 0, 0), 0.0F);
}

TEST(Nifti, WithoutAffineXRunsToTheLeft) {
  const Volume volume = load_nifti(nifti_bytes(kIdentity, 0));
  EXPECT_EQ(at(volume, 0, 0, 0), 1.0F);
}

TEST(Nifti, SlopeAndInterceptAreApplied) {
  std::string bytes = nifti_bytes(kIdentity);
  put<float>(bytes, 112, 2.0F);
  put<float>(bytes, 116, -1024.0F);
  EXPECT_EQ(at(load_nifti(bytes), 1, 0, 0), -1022.0F);
  put<float>(bytes, 112, 0.0F);  // slope 0: stored values are meant
  EXPECT_EQ(at(load_nifti(bytes), 1, 0, 0), 1.0F);
}

TEST(Nifti, BigEndianFiles) {
  std::string bytes = nifti_bytes(kIdentity);
  const auto swap = [&](std::size_t begin, std::size_t end, std::size_t size) {
    for (std::size_t at = begin; at < end; at += size) {
      std::reverse(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                   bytes.begin() + static_cast<std::ptrdiff_t>(at + size));
    }
  };
  swap(0, 4, 4);      // sizeof_hdr
  swap(40, 56, 2);    // dim
  swap(70, 74, 2);    // datatype, bitpix
  swap(76, 120, 4);   // pixdim, vox_offset, slope, intercept
  swap(252, 256, 2);  // qform_code, sform_code
  swap(280, 328, 4);  // sform
  swap(352, bytes.size(), 2);
  EXPECT_EQ(at(load_nifti(bytes), 1, 2, 3), 321.0F);
}

TEST(Nifti, HostileFilesAreErrors) {
  const std::string bytes = nifti_bytes(kIdentity);
  EXPECT_ERROR(load_nifti(bytes.substr(0, bytes.size() - 1)), "v.nii: cut short");
  EXPECT_ERROR(load_nifti("not a volume"), "expected a NIfTI file");
  EXPECT_ERROR(load_nifti(gzipped(bytes.substr(0, bytes.size() - 6)), "v.nii.gz"),
               "v.nii.gz: corrupt or cut short");
  std::string huge = bytes;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    put<std::int16_t>(huge, 42 + 2 * axis, 32767);
  }
  EXPECT_ERROR(load_nifti(huge), "32767 x 32767 x 32767 voxels");
  put<std::int16_t>(huge, 42, 1000);
  put<std::int16_t>(huge, 44, 1000);
  put<std::int16_t>(huge, 46, 100);
  EXPECT_ERROR(load_nifti(gzipped(huge), "v.nii.gz"), "cut short");
  std::string complex = bytes;
  put<std::int16_t>(complex, 70, 32);
  EXPECT_ERROR(load_nifti(complex), "expected integer or real voxels");
  std::string series = bytes;
  put<std::int16_t>(series, 40, 4);
  put<std::int16_t>(series, 48, 2);
  EXPECT_ERROR(load_nifti(series), "expected a volume of 3 dimensions");
  EXPECT_ERROR(load_nifti(nifti_bytes({{{1, 1, 0, 0}, {0, 0, 0, 0}, {0, 0, 1, 0}}})), "span a volume");
  EXPECT_ERROR(load_nifti(nifti_bytes({{{0, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}}})), "length above 0");
  EXPECT_ERROR(read_nifti(fresh_folder() / "none.nii"), "none.nii: no such file");
}

TEST(Nifti, MutatedHeadersNeverCrash) {
  std::mt19937 random(3);
  const std::string whole = nifti_bytes(kIdentity);
  for (int i = 0; i < 300; ++i) {
    std::string bytes = whole;
    for (int flip = 0; flip < 3; ++flip) {
      bytes[random() % 348] = static_cast<char>(random());
    }
    try {
      const Volume volume = load_nifti(bytes);
      EXPECT_LE(volume.voxels.size(), 1000U);
    } catch (const Error&) {
      SUCCEED();
    }
  }
}

Volume load_nrrd(const std::string& fields, const std::string& data, const std::string& more = "") {
  const fs::path file = fresh_folder() / "v.nrrd";
  write_file(file, "NRRD0004\n# a note\ntype: short\ndimension: 3\nsizes: 2 3 4\nendian: little\n" + fields +
                       "\n" + more + "\n" + data);
  return read_nrrd(file);
}

const std::string kSpace = "space: left-posterior-superior\nspace directions: (1,0,0) (0,-2,0) (0,0,3)";

TEST(Nrrd, LeftPosteriorSuperiorBecomesRightAnterior) {
  for (const std::string encoding : {"raw", "gzip", "text"}) {
    std::string data = voxels<std::int16_t>();
    if (encoding == "gzip") {
      data = gzipped(data);
    } else if (encoding == "text") {
      data.clear();
      for (int n = 0; n < 24; ++n) {
        data += fmt::format("{}\n", 100 * (n / 6) + 10 * (n / 2 % 3) + n % 2);
      }
    }
    const Volume volume = load_nrrd(kSpace + "\nencoding: " + encoding, data, "key:=a note: of no meaning\n");
    EXPECT_EQ(volume.spacing, (std::array<double, 3>{1, 2, 3}));
    EXPECT_EQ(at(volume, 0, 0, 0), 1.0F) << encoding;  // x turned; y points backwards in LPS: not turned
    EXPECT_EQ(at(volume, 0, 2, 3), 321.0F) << encoding;
  }
}

TEST(Nrrd, BigEndianAndSpacings) {
  std::string swapped = voxels<std::int16_t>();
  for (std::size_t i = 0; i < swapped.size(); i += 2) {
    std::swap(swapped[i], swapped[i + 1]);
  }
  const fs::path file = fresh_folder() / "v.nrrd";
  write_file(
      file,
      "NRRD0001\ntype: int16\ndimension: 3\nsizes: 2 3 4\nendian: big\nencoding: raw\nspacings: 1 2 3\n\n" +
          swapped);
  EXPECT_EQ(at(read_nrrd(file), 1, 2, 3), 321.0F);
}

TEST(Nrrd, DetachedDataLiesBesideTheHeaderAlone) {
  const fs::path folder = fresh_folder();
  write_file(folder / "v.raw", voxels<std::int16_t>());
  const std::string head =
      "NRRD0004\ntype: short\ndimension: 3\nsizes: 2 3 4\nendian: little\nencoding: raw\ndata file: ";
  write_file(folder / "v.nhdr", head + "v.raw\n");
  EXPECT_EQ(at(read_nrrd(folder / "v.nhdr"), 1, 2, 3), 321.0F);
  for (const char* path : {"../v.raw", "/etc/passwd", "LIST"}) {
    write_file(folder / "v.nhdr", head + path + "\n");
    EXPECT_ERROR(read_nrrd(folder / "v.nhdr"), "data file: expected the name of one file in the same folder");
  }
}

TEST(Nrrd, ErrorsNameTheField) {
  const std::string data = voxels<std::int16_t>();
  EXPECT_ERROR(load_nrrd("encoding: raw", data.substr(2)), "v.nrrd: cut short: its header claims 48 bytes");
  EXPECT_ERROR(load_nrrd("encoding: gzip", gzipped(data.substr(2))), "corrupt or cut short: 46 of 48");
  EXPECT_ERROR(load_nrrd("encoding: gzip", "rubbish rubbish"), "corrupt or cut short");
  EXPECT_ERROR(load_nrrd("encoding: text", "1 2 x"), "2 of 24 numbers");
  EXPECT_ERROR(load_nrrd("encoding: bzip2", data), "encoding: expected raw, gzip or text, found \"bzip2\"");
  EXPECT_ERROR(load_nrrd("type: block\nencoding: raw", data), "type: expected an integer or real type");
  EXPECT_ERROR(load_nrrd("sizes: 2 3\nencoding: raw", data), "sizes: expected three whole numbers");
  EXPECT_ERROR(load_nrrd("sizes: 2 -3 4\nencoding: raw", data), "sizes: expected three whole numbers");
  EXPECT_ERROR(load_nrrd("sizes: 99999 99999 99999\nencoding: raw", data), "99999 x 99999 x 99999 voxels");
  EXPECT_ERROR(load_nrrd("sizes: 9999 999 9\nencoding: gzip", data), "packed bytes cannot hold");
  EXPECT_ERROR(load_nrrd("dimension: 4\nencoding: raw", data), "dimension: expected 3");
  EXPECT_ERROR(load_nrrd("space: scanner\nspace directions: (1,0,0) (0,1,0) (0,0,1)\nencoding: raw", data),
               "space:");
  EXPECT_ERROR(load_nrrd("space directions: (1,0,0) none (0,0,1)\nencoding: raw", data), "space directions:");
  EXPECT_ERROR(load_nrrd("byte skip: -1\nencoding: raw", data), "byte skip: expected 0");
  EXPECT_ERROR(load_nrrd("", data), "expected the NRRD field \"encoding\"");
}

RawLayout raw_layout() {
  RawLayout layout;
  layout.size = kSize;
  layout.spacing = {1, 2, 3};
  return layout;
}

TEST(RawVolume, OrientationLettersAndSize) {
  const fs::path file = fresh_folder() / "m.dat";
  write_file(file, "head" + voxels<std::int16_t>());
  RawLayout layout = raw_layout();
  layout.offset = 4;
  layout.orientation = "LSA";  // i to the left, j up, k to the front
  const Volume volume = read_raw_volume(file, layout);
  EXPECT_EQ(volume.size, (std::array<int, 3>{2, 4, 3}));
  EXPECT_EQ(volume.spacing, (std::array<double, 3>{1, 3, 2}));
  EXPECT_EQ(at(volume, 0, 3, 2), 321.0F);
  layout.offset = 0;
  EXPECT_ERROR(read_raw_volume(file, layout),
               "m.dat: expected 48 bytes (2 x 3 x 4 voxels of int16 behind 0 bytes), found 52");
  for (const char* wrong : {"LLS", "LP", "XYZ", "LPSR"}) {
    layout.orientation = wrong;
    EXPECT_ERROR(read_raw_volume(file, layout), "expected an orientation of three letters");
  }
  layout = raw_layout();
  layout.dtype = "int12";
  EXPECT_ERROR(read_raw_volume(file, layout), "expected a dtype");
  layout = raw_layout();
  layout.size = {0, 1, 1};
  EXPECT_ERROR(read_raw_volume(file, layout), "0 x 1 x 1 voxels");
}

TEST(Slice, RadiologicalConvention) {
  const fs::path file = fresh_folder() / "m.dat";
  write_file(file, voxels<std::int16_t>());
  const Volume volume = read_raw_volume(file, raw_layout());  // x, y, z are the last, middle and first digit
  const Slice axial = take_slice(volume, Plane::kAxial, 3);
  EXPECT_EQ(axial.height, 3);
  EXPECT_EQ(axial.values, (std::vector<float>{321, 320, 311, 310, 301, 300}));  // front up, right on the left
  EXPECT_EQ(axial.row_spacing, 2.0);
  const Slice coronal = take_slice(volume, Plane::kCoronal, 0);
  EXPECT_EQ(coronal.values, (std::vector<float>{301, 300, 201, 200, 101, 100, 1, 0}));  // head up
  EXPECT_EQ(coronal.row_spacing, 3.0);
  const Slice sagittal = take_slice(volume, Plane::kSagittal, 1);
  EXPECT_EQ(sagittal.width, 3);
  EXPECT_EQ(sagittal.values.front(), 321.0F);  // front on the left
  EXPECT_EQ(sagittal.values[2], 301.0F);
  EXPECT_EQ(sagittal.column_spacing, 2.0);
  EXPECT_ERROR(take_slice(volume, Plane::kAxial, 4), "slice 4 of 4 axial slices does not exist");
  EXPECT_EQ(plane_from_name("coronal"), Plane::kCoronal);
  EXPECT_ERROR(plane_from_name("oblique"), "found \"oblique\"");
}

TEST(Percentile, CountsVoxelsAboveTheFloorAlone) {
  Volume volume;
  volume.voxels = {0, 0, 0, 1, 2, 3, 4, 5};
  EXPECT_EQ(percentile(volume, 50, 0), 3.0F);
  EXPECT_EQ(percentile(volume, 100, 0), 5.0F);
  EXPECT_EQ(percentile(volume, 50, 9), 9.0F);
}

}  // namespace
}  // namespace medisyn
