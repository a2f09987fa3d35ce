#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <map>
#include <set>
#include <unordered_map>

#include "audit_parts.h"
#include "medisyn/core/random_key.h"
#include "medisyn/curate/workers.h"
#include "medisyn/io/image.h"
#include "medisyn/io/resize.h"
#include "medisyn/report/html.h"

namespace medisyn {
namespace {

constexpr int kThumbnailPixels = 128;
constexpr int kThumbnailQuality = 82;

/// An image's place in the draw: the keys of its group and its own, and its id where two keys are equal.
struct Lot {
  std::uint32_t group, own;
  const Record* record;

  bool operator<(const Lot& other) const {
    return own != other.own ? own < other.own : record->id < other.record->id;
  }
};

/// Keeps the images with the least keys: some of any group, and the least one of each of the groups with the
/// least keys. Both sets hold at most `most`, however many images come.
class RepositoryDraw {
 public:
  explicit RepositoryDraw(std::size_t most) : most_(std::max<std::size_t>(most, 1)) {}

  void offer(const Lot& lot) {
    if (any_.size() < most_ || lot < *any_.rbegin()) {
      any_.insert(lot);
    }
    if (any_.size() > most_) {
      any_.erase(std::prev(any_.end()));
    }
    if (groups_.size() == most_ && lot.group > groups_.rbegin()->first) {
      return;
    }
    const auto [entry, is_new] = groups_.try_emplace(lot.group, lot);
    if (!is_new && lot < entry->second) {
      entry->second = lot;
    }
    if (groups_.size() > most_) {
      groups_.erase(std::prev(groups_.end()));
    }
  }

  /// One of each group, then others, until there are enough.
  std::vector<const Record*> records() const {
    std::vector<const Record*> records;
    std::set<const Record*> taken;
    const auto take = [&](const Record* record) {
      if (records.size() < most_ && taken.insert(record).second) {
        records.push_back(record);
      }
    };
    for (const auto& [group, lot] : groups_) {
      take(lot.record);
    }
    for (const Lot& lot : any_) {
      take(lot.record);
    }
    return records;
  }

 private:
  std::size_t most_;
  std::set<Lot> any_;
  std::map<std::uint32_t, Lot> groups_;
};

/// 128 pixels along the longer side; smaller pictures keep their size and are magnified by the page.
Image shrink(const Image& image) {
  const int longer = std::max(image.height, image.width);
  if (longer <= kThumbnailPixels) {
    return image;
  }
  const auto scaled = [&](int side) { return std::max(1, (side * kThumbnailPixels + longer / 2) / longer); };
  return resize(image, scaled(image.height), scaled(image.width));
}

/// "" when it cannot be read.
std::string inline_jpeg(const ImageSource& source) {
  try {
    const std::string bytes = encode_jpeg(shrink(read_image(source)), kThumbnailQuality);
    return "data:image/jpeg;base64," + base64(bytes);
  } catch (const std::exception&) {
    return {};
  }
}

std::string thumbnail_html(const Thumbnail& thumbnail, const std::string& picture) {
  const std::string text = escape_html(clean_text(thumbnail.text));
  const std::string shown =
      picture.empty()
          ? std::string(thumbnail.source.file.empty() ? "<i>not kept</i>" : "<i>cannot be read</i>")
          : fmt::format(R"(<img width="128" height="128" alt="" src="{}">)", picture);
  return fmt::format(R"(<div class="thumb{0}" title="{1}">{2}<span>{1}</span></div>)",
                     thumbnail.is_marked ? " marked" : "", text, shown);
}

}  // namespace

std::vector<std::vector<const Record*>> draw_pictures(const Manifest& manifest, const Audit& audit,
                                                      std::size_t most, std::uint64_t seed) {
  std::unordered_map<std::string_view, RepositoryDraw> draws;
  for (const Record& record : manifest.records) {
    const std::string& group = record.group_id.empty() ? record.id : record.group_id;
    draws.try_emplace(record.repository, most)
        .first->second.offer(
            {random_key({seed, hash_text(group)}), random_key({seed, hash_text(record.id)}), &record});
  }
  std::vector<std::vector<const Record*>> pictures;
  for (const RepositoryCounts& counts : audit.repositories) {
    const auto draw = draws.find(counts.repository.name);
    pictures.push_back(draw == draws.end() ? std::vector<const Record*>{} : draw->second.records());
  }
  return pictures;
}

std::vector<std::string> thumbnail_rows(const std::vector<std::vector<Thumbnail>>& rows, std::int64_t threads,
                                        std::int64_t& unreadable) {
  std::vector<const Thumbnail*> all;
  for (const auto& row : rows) {
    for (const Thumbnail& thumbnail : row) {
      all.push_back(&thumbnail);
    }
  }
  std::vector<std::string> pictures(all.size());
  for_each_parallel(
      std::ssize(all), threads,
      [&](std::int64_t i) {
        const auto at = static_cast<std::size_t>(i);
        pictures[at] = all[at]->source.file.empty() ? "" : inline_jpeg(all[at]->source);
      },
      [](std::int64_t) {});
  std::vector<std::string> html;
  std::size_t next = 0;
  for (const auto& row : rows) {
    std::string text = "<div class=\"thumbs\">\n";
    for (const Thumbnail& thumbnail : row) {
      unreadable += !thumbnail.source.file.empty() && pictures[next].empty() ? 1 : 0;
      text += thumbnail_html(thumbnail, pictures[next++]) + "\n";
    }
    html.push_back(text + "</div>\n");
  }
  return html;
}

}  // namespace medisyn
