#include "dicom_header.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include <algorithm>
#include <vector>

#include "medisyn/core/files.h"

namespace medisyn {
namespace {

constexpr std::size_t kMaxWordBytes = 256;

struct NamedTag {
  std::string keyword;
  DcmTagKey tag;
};

/// By DCMTK's dictionary, which is searched from end to end for a name: so once.
std::vector<NamedTag> find_tags(const std::vector<std::string>& keywords) {
  std::vector<NamedTag> tags;
  for (const std::string& keyword : keywords) {
    DcmTag tag;
    if (DcmTag::findTagFromName(keyword.c_str(), tag).good()) {
      tags.push_back({keyword, tag});
    }
  }
  return tags;
}

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string patient_hash(const DicomInfo& info) {
  for (const char* keyword : {"PatientID", "StudyInstanceUID"}) {
    const auto found = info.hashes.find(keyword);
    if (found != info.hashes.end()) {
      return found->second;
    }
  }
  return "";
}

}  // namespace

const std::vector<std::string>& dicom_ids() {
  static const std::vector<std::string> names{"PatientID",       "StudyInstanceUID", "SeriesInstanceUID",
                                              "AccessionNumber", "SOPInstanceUID",   "FrameOfReferenceUID"};
  return names;
}

const std::vector<std::string>& dicom_words() {
  static const std::vector<std::string> names{
      "Modality",          "BodyPartExamined", "ViewPosition",
      "Laterality",        "ImageLaterality",  "PatientOrientation",
      "ConvolutionKernel", "ImageType",        "PhotometricInterpretation",
      "SliceLocation",     "InstanceNumber"};
  return names;
}

bool is_dicom_id(std::string_view keyword) { return contains(dicom_ids(), keyword); }

bool is_dicom_word(std::string_view keyword) { return contains(dicom_words(), keyword); }

std::string dicom_text(DcmItem& dataset, std::uint16_t group, std::uint16_t element) {
  OFString value;
  if (dataset.findAndGetOFStringArray(DcmTagKey(group, element), value).bad()) {
    return "";
  }
  std::string text(value.c_str(), std::min(value.size(), kMaxWordBytes));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  const std::size_t begin = std::min(text.find_first_not_of(' '), text.size());
  return text.substr(begin, text.find_last_not_of(' ') + 1 - begin);
}

DicomInfo read_header(DcmItem& dataset, const PixelLayout& layout) {
  DicomInfo info;
  info.height = layout.height;
  info.width = layout.width;
  info.frames = layout.frames;
  info.photometric = layout.photometric;
  info.modality = dicom_text(dataset, DCM_Modality.getGroup(), DCM_Modality.getElement());
  info.has_burned_in_text = dicom_first_text(dataset, DCM_BurnedInAnnotation) == "YES";
  static const std::vector<NamedTag> ids = find_tags(dicom_ids());
  for (const auto& [keyword, tag] : ids) {
    const std::string value = dicom_first_text(dataset, tag);
    if (!value.empty()) {
      info.hashes[keyword] = sha256_hex(value).substr(0, 16);
    }
  }
  static const std::vector<NamedTag> words = find_tags(dicom_words());
  for (const auto& [keyword, tag] : words) {
    const std::string value = dicom_text(dataset, tag.getGroup(), tag.getElement());
    if (!value.empty()) {
      info.words[keyword] = value;
    }
  }
  info.patient_hash = patient_hash(info);
  return info;
}

}  // namespace medisyn
