#include <algorithm>
#include <charconv>
#include <map>
#include <sstream>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/numbers.h"
#include "voxels.h"

namespace medisyn {
namespace {

struct NrrdHeader {
  std::string name;
  std::map<std::string, std::string> fields;
  std::size_t data_begin = 0;

  const std::string& need(const std::string& field) const {
    const auto found = fields.find(field);
    if (found == fields.end()) {
      fail("{}: expected the NRRD field {:?}, found none", name, field);
    }
    return found->second;
  }
  std::string get(const std::string& field) const {
    const auto found = fields.find(field);
    return found == fields.end() ? "" : found->second;
  }
  [[noreturn]] void refuse(const std::string& field, const std::string& expected) const {
    fail("{}: {}: expected {}, found {:?}", name, field, expected, get(field).substr(0, 80));
  }
};

std::string trimmed(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(" \t\r"), text.size());
  const std::size_t end = text.find_last_not_of(" \t\r");
  return std::string(text.substr(begin, end == std::string_view::npos ? 0 : end + 1 - begin));
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// "key: value" lines up to the first blank line; "key:=value" pairs are notes and passed over.
NrrdHeader parse_header(std::string_view bytes, const std::string& name) {
  NrrdHeader header{name, {}, 0};
  if (!bytes.starts_with("NRRD")) {
    fail("{}: expected an NRRD file (it begins with \"NRRD\"), found something else", name);
  }
  std::size_t at = std::min(bytes.find('\n'), bytes.size() - 1) + 1;
  while (at < bytes.size()) {
    const std::size_t end = std::min(bytes.find('\n', at), bytes.size());
    const std::string line = trimmed(bytes.substr(at, end - at));
    at = std::min(end + 1, bytes.size());
    if (line.empty()) {
      break;
    }
    const std::size_t colon = line.find(':');
    const bool is_field = colon + 1 == line.size() || (colon < line.size() && line[colon + 1] == ' ');
    if (line[0] != '#' && is_field) {
      header.fields[lower(line.substr(0, colon))] = trimmed(std::string_view(line).substr(colon + 1));
    }
  }
  header.data_begin = at;
  return header;
}

VoxelType element_type(const NrrdHeader& header) {
  static const std::map<std::string, std::string> names{{"signed char", "int8"},
                                                        {"int8", "int8"},
                                                        {"int8_t", "int8"},
                                                        {"uchar", "uint8"},
                                                        {"unsigned char", "uint8"},
                                                        {"uint8", "uint8"},
                                                        {"uint8_t", "uint8"},
                                                        {"short", "int16"},
                                                        {"short int", "int16"},
                                                        {"signed short", "int16"},
                                                        {"signed short int", "int16"},
                                                        {"int16", "int16"},
                                                        {"int16_t", "int16"},
                                                        {"ushort", "uint16"},
                                                        {"unsigned short", "uint16"},
                                                        {"unsigned short int", "uint16"},
                                                        {"uint16", "uint16"},
                                                        {"uint16_t", "uint16"},
                                                        {"int", "int32"},
                                                        {"signed int", "int32"},
                                                        {"int32", "int32"},
                                                        {"int32_t", "int32"},
                                                        {"uint", "uint32"},
                                                        {"unsigned int", "uint32"},
                                                        {"uint32", "uint32"},
                                                        {"uint32_t", "uint32"},
                                                        {"longlong", "int64"},
                                                        {"long long", "int64"},
                                                        {"int64", "int64"},
                                                        {"int64_t", "int64"},
                                                        {"ulonglong", "uint64"},
                                                        {"unsigned long long", "uint64"},
                                                        {"uint64", "uint64"},
                                                        {"uint64_t", "uint64"},
                                                        {"float", "float32"},
                                                        {"double", "float64"}};
  const auto found = names.find(lower(header.need("type")));
  if (found == names.end()) {
    header.refuse("type", "an integer or real type");
  }
  return *voxel_type_from_name(found->second);
}

/// All numbers of a field, whatever stands between them; "none" counts as no number.
std::vector<double> numbers(const NrrdHeader& header, const std::string& field) {
  std::string text = header.need(field);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '(' || c == ')' || c == ','; }, ' ');
  std::istringstream stream(text);
  std::vector<double> values;
  std::string word;
  while (stream >> word) {
    const auto value = parse_number<double>(word);
    if (!value) {
      header.refuse(field, "numbers");
    }
    values.push_back(*value);
  }
  return values;
}

std::array<std::int64_t, 3> sizes(const NrrdHeader& header) {
  if (header.need("dimension") != "3") {
    header.refuse("dimension", "3");
  }
  const std::vector<double> values = numbers(header, "sizes");
  const bool are_whole = std::all_of(values.begin(), values.end(), [](double value) {
    return value >= 1.0 && value <= static_cast<double>(kMaxVoxels) &&
           value == static_cast<double>(static_cast<std::int64_t>(value));
  });
  if (values.size() != 3 || !are_whole) {
    header.refuse("sizes", "three whole numbers above 0");
  }
  return {static_cast<std::int64_t>(values[0]), static_cast<std::int64_t>(values[1]),
          static_cast<std::int64_t>(values[2])};
}

/// The sign of each world axis of the file's space against RAS.
std::array<double, 3> space_signs(const NrrdHeader& header) {
  const std::string space = lower(header.get("space"));
  if (space == "right-anterior-superior" || space == "ras" || space.empty()) {
    return {1.0, 1.0, 1.0};
  }
  if (space == "left-posterior-superior" || space == "lps") {
    return {-1.0, -1.0, 1.0};
  }
  if (space == "left-anterior-superior" || space == "las") {
    return {-1.0, 1.0, 1.0};
  }
  header.refuse("space", "right-anterior-superior, left-posterior-superior or left-anterior-superior");
}

std::array<std::array<double, 3>, 3> world_axes(const NrrdHeader& header) {
  std::array<std::array<double, 3>, 3> axes{};
  if (header.fields.contains("space directions")) {
    const std::vector<double> steps = numbers(header, "space directions");
    if (steps.size() != 9) {
      header.refuse("space directions", "three vectors of three numbers");
    }
    const std::array<double, 3> signs = space_signs(header);
    for (std::size_t k = 0; k < 3; ++k) {
      for (std::size_t world = 0; world < 3; ++world) {
        axes[world][k] = signs[world] * steps[3 * k + world];
      }
    }
    return axes;
  }
  const std::vector<double> spacings =
      header.fields.contains("spacings") ? numbers(header, "spacings") : std::vector<double>{1.0, 1.0, 1.0};
  if (spacings.size() != 3) {
    header.refuse("spacings", "three numbers");
  }
  for (std::size_t k = 0; k < 3; ++k) {
    axes[k][k] = spacings[k];
  }
  return axes;
}

bool is_little_endian(const NrrdHeader& header, VoxelType type) {
  if (voxel_bytes(type) == 1) {
    return true;
  }
  const std::string endian = lower(header.need("endian"));
  if (endian != "little" && endian != "big") {
    header.refuse("endian", "little or big");
  }
  return endian == "little";
}

std::vector<float> text_voxels(std::string_view text, std::size_t count, const std::string& name) {
  std::vector<float> voxels;
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  while (voxels.size() < count) {
    at = std::find_if(at, end,
                      [](char c) { return std::isspace(static_cast<unsigned char>(c)) == 0 && c != ','; });
    float value = 0.0F;
    const auto result = std::from_chars(at, end, value);
    if (result.ec != std::errc()) {
      fail("{}: corrupt or cut short: {} of {} numbers could be read", name, voxels.size(), count);
    }
    voxels.push_back(value);
    at = result.ptr;
  }
  return voxels;
}

std::vector<float> decode(const NrrdHeader& header, std::string_view data, std::size_t count) {
  const VoxelType type = element_type(header);
  const std::size_t wanted = count * voxel_bytes(type);
  const std::string encoding = lower(header.need("encoding"));
  if (encoding == "gzip" || encoding == "gz") {
    return to_float(inflate(data, wanted, header.name), type, is_little_endian(header, type));
  }
  if (encoding == "raw") {
    if (data.size() < wanted) {
      fail("{}: cut short: its header claims {} bytes of voxels, the file has {}", header.name, wanted,
           data.size());
    }
    return to_float(data.substr(0, wanted), type, is_little_endian(header, type));
  }
  if (encoding != "text" && encoding != "txt" && encoding != "ascii") {
    header.refuse("encoding", "raw, gzip or text");
  }
  return text_voxels(data, count, header.name);
}

/// A detached data file lies beside its header: no path leads anywhere else.
fs::path detached_path(const NrrdHeader& header, const fs::path& path) {
  const std::string file = header.get(header.fields.contains("data file") ? "data file" : "datafile");
  if (file.empty() || fs::path(file).filename() != file || file == "LIST" || file == "..") {
    header.refuse("data file", "the name of one file in the same folder");
  }
  return path.parent_path() / file;
}

}  // namespace

Volume read_nrrd(const fs::path& path) {
  const std::string bytes = read_file(path);
  const NrrdHeader header = parse_header(bytes, path.string());
  for (const char* field : {"byte skip", "byteskip", "line skip", "lineskip"}) {
    if (header.fields.contains(field) && header.get(field) != "0") {
      header.refuse(field, "0 (skipping is not supported)");
    }
  }
  const std::array<std::int64_t, 3> size = sizes(header);
  const auto count = static_cast<std::size_t>(checked_voxel_count(size, header.name));
  StoredVolume stored;
  std::transform(size.begin(), size.end(), stored.size.begin(),
                 [](std::int64_t n) { return static_cast<int>(n); });
  stored.axes = world_axes(header);
  if (header.fields.contains("data file") || header.fields.contains("datafile")) {
    stored.voxels = decode(header, read_file(detached_path(header, path)), count);
  } else {
    stored.voxels = decode(header, std::string_view(bytes).substr(header.data_begin), count);
  }
  return to_canonical(std::move(stored), header.name);
}

}  // namespace medisyn
