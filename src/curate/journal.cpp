#include "medisyn/curate/journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

constexpr const char* kPrefix = "items-";

Json to_json(const CuratedImage& image) {
  return {{"record", to_json(image.record)},
          {"pixels", image.pixels},
          {"hash", image.hash.text()},
          {"seconds", std::isnan(image.seconds) ? Json(nullptr) : Json(image.seconds)},
          {"bytes", image.bytes}};
}

CuratedImage image_from(const Json& json, const std::string& where) {
  CuratedImage image{.record = record_from_json(json.at("record"), where),
                     .pixels = json.at("pixels").get<std::string>(),
                     .hash = PerceptualHash::from_text(json.at("hash").get<std::string>()),
                     .seconds = std::numeric_limits<double>::quiet_NaN(),
                     .bytes = json.at("bytes").get<std::uint64_t>()};
  if (!json.at("seconds").is_null()) {
    image.seconds = json.at("seconds").get<double>();
  }
  return image;
}

Json to_json(const ItemResult& result) {
  Json images = Json::array();
  for (const CuratedImage& image : result.images) {
    images.push_back(to_json(image));
  }
  return {{"key", result.key},
          {"rejected", result.rejected},
          {"item", result.item},
          {"skipped", result.skipped},
          {"images", std::move(images)}};
}

std::string line_of(const ItemResult& result) {
  return to_json(result).dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool is_journal(const fs::path& file) {
  return file.filename().string().starts_with(kPrefix) && file.extension() == ".jsonl";
}

/// What a kill left of a last line: the next one would be glued to it.
void cut_torn_line(const fs::path& file) {
  if (!fs::exists(file)) {
    return;
  }
  const std::size_t end = read_file(file).rfind('\n');
  fs::resize_file(file, end == std::string::npos ? 0 : end + 1);
}

/// Whether a line with this key says why its file was rejected.
bool tells_rejection(std::string_view line, const std::string& key) {
  return !line.starts_with(fmt::format("{{\"key\":\"{}\",\"rejected\":\"\"", key));
}

/// The key at the beginning of a line that add() wrote; "" for a line that is cut short.
std::string key_of(std::string_view line) {
  constexpr std::string_view kStart = "{\"key\":\"";
  const std::size_t end = line.find('"', kStart.size());
  const bool is_whole = line.starts_with(kStart) && end != std::string_view::npos && line.ends_with("}");
  return is_whole ? std::string(line.substr(kStart.size(), end - kStart.size())) : "";
}

}  // namespace

Journal::Journal(fs::path folder, std::int64_t rank)
    : folder_(std::move(folder)), own_(folder_ / fmt::format("{}{}.jsonl", kPrefix, rank)) {
  fs::create_directories(folder_);
  cut_torn_line(own_);
  reread();
}

void Journal::reread() {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    const auto is_known = [&](const File& file) { return file.path == entry.path(); };
    if (is_journal(entry.path()) && std::none_of(files_.begin(), files_.end(), is_known)) {
      found.push_back(entry.path());
    }
  }
  // What a rank wrote is newer than what was merged before.
  std::sort(found.begin(), found.end(), [](const fs::path& a, const fs::path& b) {
    return std::pair(a.filename() != kMerged, a) < std::pair(b.filename() != kMerged, b);
  });
  for (const fs::path& path : found) {
    files_.push_back({.path = path, .stream = std::make_unique<std::ifstream>(path, std::ios::binary)});
  }
  for (std::size_t file = 0; file < files_.size(); ++file) {
    read_on(file);
  }
}

void Journal::read_on(std::size_t file) {
  auto& [path, stream, read] = files_[file];
  stream->seekg(static_cast<std::streamoff>(read));
  for (std::string line; std::getline(*stream, line) && !stream->eof(); read += line.size() + 1) {
    if (std::string key = key_of(line); !key.empty()) {
      const bool is_rejected = tells_rejection(line, key);
      places_[std::move(key)] = {
          .file = file, .begin = read, .size = line.size(), .is_rejected = is_rejected};
    }
  }
  stream->clear();  // of the end of the file
}

std::string Journal::line_at(const Place& place) const {
  std::string line(place.size, '\0');
  const std::scoped_lock lock(mutex_);
  std::ifstream& stream = *files_[place.file].stream;
  stream.seekg(static_cast<std::streamoff>(place.begin));
  if (!stream.read(line.data(), static_cast<std::streamsize>(line.size()))) {
    fail("{}: cannot be read: {}", files_[place.file].path.string(), std::strerror(errno));
  }
  return line;
}

ItemResult Journal::read(const std::string& key) const {
  const Place& place = places_.at(key);
  const std::string where = fmt::format("{}: the line of {}", files_[place.file].path.string(), key);
  try {
    const Json json = Json::parse(line_at(place));
    ItemResult result{.key = key,
                      .item = json.at("item").get<std::string>(),
                      .images = {},
                      .skipped = json.at("skipped").get<std::map<std::string, std::int64_t>>(),
                      .rejected = json.at("rejected").get<std::string>()};
    for (const Json& image : json.at("images")) {
      result.images.push_back(image_from(image, where));
    }
    return result;
  } catch (const Json::exception& error) {
    fail("{} is damaged: remove that file and run the command again ({})", where, error.what());
  }
}

bool Journal::is_rejected(const std::string& key) const { return places_.at(key).is_rejected; }

void Journal::add(const ItemResult& result) {
  const std::string line = line_of(result);
  const std::scoped_lock lock(mutex_);
  append_line(own_, line);
}

void Journal::write(const fs::path& path, const std::vector<std::string>& keys, const Adapt& adapt) const {
  AtomicFile file(path);
  for (const std::string& key : keys) {
    if (adapt) {
      ItemResult result = read(key);
      adapt(result);
      file.write(line_of(result));
    } else {
      file.write(line_at(places_.at(key)));
    }
    file.write("\n");
  }
  file.commit();
}

void Journal::keep(const std::vector<std::string>& keys, const Adapt& adapt) {
  write(folder_ / kMerged, keys, adapt);
  drop_parts(folder_);
  files_.clear();
  places_.clear();
  reread();
}

void Journal::drop_parts(const fs::path& folder) {
  std::vector<fs::path> parts;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (is_journal(entry.path()) && entry.path().filename() != kMerged) {
      parts.push_back(entry.path());
    }
  }
  for (const fs::path& part : parts) {
    fs::remove(part);
  }
}

}  // namespace medisyn
