// NIfTI and NRRD files that were made to do harm, and damaged ones: read or refused, and never believed.
#include <fmt/format.h>
#include <sys/resource.h>

#include <array>
#include <cstring>
#include <fstream>
#include <limits>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "../mutations.h"
#include "gzipped.h"
#include "medisyn/core/files.h"
#include "medisyn/io/volume.h"

namespace medisyn {
namespace {

constexpr int kSide = 8;
constexpr std::size_t kVoxels = std::size_t{kSide} * kSide * kSide;
constexpr std::size_t kHeaderBytes = 352;

std::string voxels() {
  std::string bytes(kVoxels * 2, '\0');
  for (std::size_t i = 0; i < kVoxels; ++i) {
    const auto value = static_cast<std::int16_t>(7 * i);
    std::memcpy(bytes.data() + 2 * i, &value, 2);
  }
  return bytes;
}

template <class T>
std::string with(std::string bytes, std::size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof(T));
  return bytes;
}

constexpr std::size_t kDimension = 40;  // offsets of nifti1.h
constexpr std::size_t kDatatype = 70;
constexpr std::size_t kPixdim = 76;
constexpr std::size_t kVoxOffset = 108;
constexpr std::size_t kSlope = 112;
constexpr std::size_t kSformCode = 254;
constexpr std::size_t kSform = 280;
constexpr std::size_t kMagic = 344;
constexpr std::size_t kExtension = 348;

/// A header of int16 voxels; `magic` "n+1" with the voxels in the same file, "ni1" with them in another.
std::string nifti_header(const char* magic) {
  std::string header = with<std::int32_t>(std::string(kHeaderBytes, '\0'), 0, 348);
  const std::array<std::int16_t, 8> dimensions{3, kSide, kSide, kSide, 1, 1, 1, 1};
  header = with(header, kDimension, dimensions);
  header = with<std::int16_t>(header, kDatatype, 4);
  header = with<std::int16_t>(header, kDatatype + 2, 16);
  const std::array<float, 4> pixdim{1, 1, 2, 3};
  header = with(header, kPixdim, pixdim);
  header = with(header, kVoxOffset, std::string_view(magic) == "n+1" ? 352.0F : 0.0F);
  header = with(header, kSlope, 1.0F);
  header = with<std::int16_t>(header, kSformCode, 1);
  const std::array<float, 12> affine{1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 3, 0};
  header = with(header, kSform, affine);
  return header.replace(kMagic, 3, magic);
}

std::string whole_nifti() { return nifti_header("n+1") + voxels(); }

std::string whole_nrrd(const std::string& encoding, const std::string& data) {
  return "NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 8 8 8\n"
         "space directions: (1,0,0) (0,2,0) (0,0,3)\nendian: little\nencoding: " +
         encoding + "\nspace origin: (0,0,0)\n\n" + data;
}

std::string text_data() {
  std::string text;
  for (std::size_t i = 0; i < kVoxels; ++i) {
    text += fmt::format("{}\n", 7 * i);
  }
  return text;
}

/// Without waiting for the disk, as write_file() does.
void put(const fs::path& file, const std::string& bytes) { std::ofstream(file, std::ios::binary) << bytes; }

Volume load(const std::string& bytes, const std::string& name) {
  const fs::path file = fresh_folder() / name;
  put(file, bytes);
  return name.ends_with(".nrrd") ? read_nrrd(file) : read_nifti(file);
}

std::int64_t peak_kib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

/// Every copy is read, and then holds what its size says, or refused by an Error that names the file.
template <class Read>
bool is_read_or_refused(const Read& read, int number) {
  try {
    const Volume volume = read();
    const std::size_t count = static_cast<std::size_t>(volume.size[0]) *
                              static_cast<std::size_t>(volume.size[1]) *
                              static_cast<std::size_t>(volume.size[2]);
    EXPECT_EQ(volume.voxels.size(), count) << "mutation " << number;
    return true;
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("v.")) << "mutation " << number;
    EXPECT_THAT(error.what(), testing::Not(testing::HasSubstr("\n"))) << "mutation " << number;
    return false;
  }
}

std::string mutated(Mutations& mutations, const std::string& bytes, std::size_t head, int number) {
  switch (number % 5) {
    case 0:
      return mutations.truncated(bytes);
    case 1:
      return mutations.flipped(bytes, bytes.size());
    case 2:
      return mutations.overwritten(bytes, head);
    default:
      return mutations.flipped(bytes, head);  // where the sizes stand
  }
}

constexpr std::int64_t kMostKib = 512 << 10;  // the sanitizers keep freed memory

TEST(HostileVolumes, FiveHundredMutatedNiftiFiles) {
  const std::string whole = whole_nifti();
  const std::int64_t before = peak_kib();
  Mutations mutations(11);
  int reads = 0;
  for (int i = 0; i < 500; ++i) {
    std::string bytes = mutated(mutations, whole, kHeaderBytes, i);
    if (i % 3 == 1) {
      reads += is_read_or_refused([&] { return load(gzipped(bytes), "v.nii.gz"); }, i) ? 1 : 0;
    } else if (i % 3 == 2) {
      bytes = mutated(mutations, gzipped(whole), 64, i);
      reads += is_read_or_refused([&] { return load(bytes, "v.nii.gz"); }, i) ? 1 : 0;
    } else {
      reads += is_read_or_refused([&] { return load(bytes, "v.nii"); }, i) ? 1 : 0;
    }
  }
  EXPECT_GT(reads, 0);
  EXPECT_LT(reads, 500);
  EXPECT_LT(peak_kib() - before, kMostKib);
}

TEST(HostileVolumes, MutatedPairsOfHeaderAndVoxels) {
  const fs::path folder = fresh_folder();
  Mutations mutations(12);
  for (int i = 0; i < 200; ++i) {
    put(folder / "v.hdr", mutated(mutations, nifti_header("ni1"), kHeaderBytes, i));
    put(folder / "v.img", i % 2 == 0 ? voxels() : mutations.truncated(voxels()));
    is_read_or_refused([&] { return read_nifti(folder / "v.hdr"); }, i);
  }
  put(folder / "v.hdr", nifti_header("ni1"));
  put(folder / "v.img", voxels());
  EXPECT_EQ(read_nifti(folder / "v.hdr").voxels[1], 7.0F);
  fs::remove(folder / "v.img");
  EXPECT_ERROR(read_nifti(folder / "v.hdr"), "v.hdr");
}

TEST(HostileVolumes, FiveHundredMutatedNrrdFiles) {
  const std::vector<std::string> files{whole_nrrd("raw", voxels()), whole_nrrd("gzip", gzipped(voxels())),
                                       whole_nrrd("text", text_data())};
  const std::int64_t before = peak_kib();
  Mutations mutations(13);
  int reads = 0;
  for (int i = 0; i < 500; ++i) {
    const std::string& whole = files[static_cast<std::size_t>(i) % files.size()];
    const std::string bytes = mutated(mutations, whole, whole.find("\n\n"), i);
    reads += is_read_or_refused([&] { return load(bytes, "v.nrrd"); }, i) ? 1 : 0;
  }
  EXPECT_GT(reads, 0);
  EXPECT_LT(reads, 500);
  EXPECT_LT(peak_kib() - before, kMostKib);
}

TEST(HostileVolumes, NiftiNumbersThatLie) {
  const std::string whole = whole_nifti();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float offset : {-1.0F, 1e9F, 2e9F, 1e30F, -1e30F, nan, infinity}) {
    SCOPED_TRACE(offset);
    EXPECT_ERROR(load(with(whole, kVoxOffset, offset), "v.nii"), "v.nii");
    EXPECT_ERROR(load(gzipped(with(whole, kVoxOffset, offset)), "v.nii.gz"), "v.nii.gz");
  }
  for (const std::int16_t side : std::initializer_list<std::int16_t>{-1, 0, 32767, -32768}) {
    SCOPED_TRACE(side);
    EXPECT_ERROR(load(with(whole, kDimension + 2, side), "v.nii"), "v.nii");
  }
  for (const std::int16_t dimensions : std::initializer_list<std::int16_t>{-3, 0, 1, 2, 8, 32767}) {
    SCOPED_TRACE(dimensions);
    EXPECT_ERROR(load(with(whole, kDimension, dimensions), "v.nii"), "v.nii");
  }
  for (const std::int16_t datatype :
       std::initializer_list<std::int16_t>{0, 1, 32, 128, 1536, 1792, 2048, 2304, -4, 32767}) {
    SCOPED_TRACE(datatype);
    EXPECT_ERROR(load(with(whole, kDatatype, datatype), "v.nii"), "v.nii");
  }
  for (const float step : {nan, infinity, 0.0F}) {
    SCOPED_TRACE(step);
    EXPECT_ERROR(load(with(whole, kSform, step), "v.nii"), "v.nii");
  }
}

/// An extension sits between header and voxels; its length is the file's word.
TEST(HostileVolumes, NiftiExtensionsThatLie) {
  std::string head = with<char>(with(nifti_header("n+1"), kVoxOffset, 384.0F), kExtension, 1);
  for (const std::int32_t size : {32, 16, 0, -16, 1 << 30, std::numeric_limits<std::int32_t>::max()}) {
    std::string extension = with<std::int32_t>(std::string(32, 'x'), 0, size);
    is_read_or_refused([&] { return load(head + extension + voxels(), "v.nii"); }, size);
  }
  const std::string far = with(head, kVoxOffset, 2e9F);  // and room for it only by the header's word
  const std::string extension = with<std::int32_t>(std::string(32, 'x'), 0, 1'900'000'000 / 16 * 16);
  const std::int64_t before = peak_kib();
  EXPECT_ERROR(load(far + extension + voxels(), "v.nii"), "v.nii");
  EXPECT_LT(peak_kib() - before, kMostKib);
}

TEST(HostileVolumes, BombsByDimensions) {
  const std::array<std::int16_t, 8> large{3, 1000, 1000, 500, 1, 1, 1, 1};  // 1 GB of int16
  const std::string bomb = gzipped(with(whole_nifti(), kDimension, large));
  const std::int64_t before = peak_kib();
  EXPECT_ERROR(load(bomb, "v.nii.gz"), "cut short");
  const std::string nrrd =
      Mutations::replaced(whole_nrrd("gzip", gzipped(voxels())), "8 8 8", "1000 1000 500");
  EXPECT_ERROR(load(nrrd, "v.nrrd"), "packed bytes cannot hold");
  EXPECT_LT(peak_kib() - before, kMostKib);
}

TEST(HostileVolumes, NrrdFieldsThatLie) {
  const std::string whole = whole_nrrd("raw", voxels());
  for (const char* sizes : {"8 8", "8 8 8 8", "nan 8 8", "inf 1 1", "1e300 1 1", "0 8 8", "-8 -8 8",
                            "8 8 8.5", "99999999999999999999 1 1", "4611686018427387904 4 1", ""}) {
    SCOPED_TRACE(sizes);
    EXPECT_ERROR(load(Mutations::replaced(whole, "8 8 8", sizes), "v.nrrd"), "v.nrrd");
  }
  for (const char* directions :
       {"(nan,0,0) (0,2,0) (0,0,3)", "(0,0,0) (0,2,0) (0,0,3)", "(1,0,0) (1,0,0) (0,0,3)",
        "(1e308,0,0) (0,1e308,0) (0,0,inf)", "((((", ""}) {
    SCOPED_TRACE(directions);
    const std::string bytes = Mutations::replaced(whole, "(1,0,0) (0,2,0) (0,0,3)", directions);
    EXPECT_ERROR(load(bytes, "v.nrrd"), "v.nrrd");
  }
  EXPECT_ERROR(load("NRRD", "v.nrrd"), "v.nrrd");
  EXPECT_ERROR(load("NRRD0004\n" + std::string(1 << 20, 'a') + ": b\n\n", "v.nrrd"), "v.nrrd");
  EXPECT_ERROR(load(whole_nrrd("text", std::string(1 << 20, '9')), "v.nrrd"), "v.nrrd");
}

TEST(HostileVolumes, FoldersAndEmptyFiles) {
  const fs::path folder = fresh_folder();
  for (const char* name : {"v.nii", "v.nii.gz", "v.hdr", "v.img"}) {
    put(folder / name, "");
    EXPECT_ERROR(read_nifti(folder / name), name);
    fs::remove(folder / name);
    fs::create_directory(folder / name);
    EXPECT_ERROR(read_nifti(folder / name), name);
    fs::remove(folder / name);
  }
  put(folder / "v.nrrd", "");
  EXPECT_ERROR(read_nrrd(folder / "v.nrrd"), "v.nrrd");
  fs::remove(folder / "v.nrrd");
  fs::create_directory(folder / "v.nrrd");
  EXPECT_ERROR(read_nrrd(folder / "v.nrrd"), "v.nrrd");
}

}  // namespace
}  // namespace medisyn
