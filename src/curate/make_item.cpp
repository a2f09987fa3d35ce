#include "medisyn/curate/make_item.h"

#include <fmt/format.h>

#include <cmath>
#include <exception>
#include <optional>
#include <utility>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/interrupt.h"
#include "medisyn/curate/annotations.h"
#include "medisyn/curate/curate.h"
#include "medisyn/curate/fit.h"
#include "medisyn/curate/shot.h"

namespace medisyn {
namespace {

constexpr int kFormatVersion = 1;  ///< goes up when the same config gives other pixels
constexpr const char* kAcrossBorder = "across the border of a held-out part";
constexpr const char* kOtherLabel = "another label than those that are named";

std::string identity_of(const fs::path& file) {
  std::error_code error;
  const auto size = fs::file_size(file, error);
  if (error) {
    return "missing";
  }
  return fmt::format("{} {}", size, fs::last_write_time(file, error).time_since_epoch().count());
}

std::string pixel_hash(const Image& image) {
  std::string bytes = fmt::format("{}x{}:", image.height, image.width);
  bytes.append(reinterpret_cast<const char*>(image.pixels.data()), image.pixels.size());
  return sha256_hex(bytes);
}

/// The way of one file's pictures to images.
class ItemMaker {
 public:
  ItemMaker(const CurateConfig& config, const RepositoryConfig& repository, const Describer& describer,
            const Item& item, std::string key, ImageStore& store)
      : config_(config), repository_(repository), describer_(describer), item_(item), store_(store) {
    result_.key = std::move(key);
    result_.item = item.below;
  }

  ItemResult make() {
    try {
      if (!item_.fault.empty()) {
        fail("{}", item_.fault);
      }
      read_item(config_, repository_, item_,
                {.begin = [this](const Facts& facts) { return begin(facts); },
                 .take = [this](const Facts& facts, const Shot& shot) { take(facts, shot); },
                 .skip = [this](const std::string& reason) { ++result_.skipped[reason]; }});
    } catch (const Error& error) {
      if (write_fault_) {
        std::rethrow_exception(write_fault_);
      }
      reject(error.what());
    }
    return std::move(result_);
  }

 private:
  void reject(const std::string& reason) {
    for (const CuratedImage& image : result_.images) {
      store_.remove(image.record);
    }
    result_.images.clear();
    result_.skipped.clear();
    result_.rejected = reason;
  }

  bool begin(const Facts& facts) {
    if (facts.dicom != nullptr && facts.dicom->has_burned_in_text && !repository_.burned_in_text) {
      ++result_.skipped["text is burned into the picture (BurnedInAnnotation)"];
      return false;
    }
    if (facts.dicom != nullptr && !describer_.stays(*facts.dicom)) {
      ++result_.skipped["left out by where"];
      return false;
    }
    return true;
  }

  void take(const Facts& facts, const Shot& shot) {
    if (interrupted()) {
      throw CurateInterrupted();
    }
    if (!shot.is_finished && is_blank(shot.picture)) {
      ++result_.skipped[kBlank];
      return;
    }
    const std::string id = shot.name.empty() ? item_.id : fmt::format("{}-{}", item_.id, slug(shot.name));
    auto record = describer_.describe(facts, shot.words, shot.structures, id);
    if (!record) {
      ++result_.skipped[kOtherLabel];
      return;
    }
    const auto side = own_side(repository_.split, repository_.name, record->patient_id, shot.extent);
    if (!side) {
      ++result_.skipped[kAcrossBorder];
      return;
    }
    record->split = side->empty() ? describer_.official_side(facts) : *side;
    finish(shot, std::move(*record));
  }

  bool is_blank(const Image& picture) const {
    if (repository_.min_foreground <= 0) {
      return false;
    }
    constexpr double kTenth = 25.5;
    return share_above(picture, repository_.foreground_above.value_or(kTenth)) < repository_.min_foreground;
  }

  void finish(const Shot& shot, Record record) {
    const auto size = static_cast<int>(config_.size);
    const Image image = shot.is_finished ? shot.picture : fitted(shot.picture, size, config_.fit);
    record.transform = transform_of(config_, shot.is_finished);
    const bool is_png = config_.format == "png";
    record.file_name = fmt::format("images/{}/{}.{}", repository_.name, record.id, is_png ? "png" : "jpg");
    const std::string bytes =
        is_png ? encode_png(image) : encode_jpeg(image, static_cast<int>(config_.jpeg_quality));
    record.sha256 = sha256_hex(bytes);
    try {
      store_.put(record, bytes);
    } catch (...) {
      write_fault_ = std::current_exception();
      throw;
    }
    result_.images.push_back({.record = std::move(record),
                              .pixels = pixel_hash(image),
                              .hash = perceptual_hash(image),
                              .seconds = shot.seconds,
                              .bytes = bytes.size()});
  }

  const CurateConfig& config_;
  const RepositoryConfig& repository_;
  const Describer& describer_;
  const Item& item_;
  ImageStore& store_;
  ItemResult result_;
  std::exception_ptr write_fault_;  ///< is none of the file's: it must not count as a corrupt file
};

}  // namespace

std::string repository_key(const CurateConfig& config, const RepositoryConfig& repository) {
  std::string all = fmt::format("{} {} {} {} {} {}", kFormatVersion, config.size, config.fit, config.format,
                                config.jpeg_quality, config_to_json(repository).dump());
  if (repository.label_volume) {
    all += identity_of(config.root / repository.label_volume->path);
    all += repository.label_volume->table ? identity_of(config.root / *repository.label_volume->table) : "";
  }
  return sha256_hex(all);
}

std::string item_key(const std::string& repository_key, const CurateConfig& config,
                     const RepositoryConfig& repository, const Item& item) {
  std::string all = fmt::format("{} {:?} {} {} {} {}", repository_key, item.below, item.id, item.begin,
                                item.size, identity_of(item.file));
  for (const std::string& value : item.fields.values()) {
    all += fmt::format(" {:?}", value);
  }
  if (const auto annotations = annotations_file(config.root, repository, item)) {
    all += identity_of(*annotations);
  }
  return sha256_hex(all).substr(0, 32);
}

ItemResult make_item(const CurateConfig& config, const RepositoryConfig& repository,
                     const Describer& describer, const Item& item, std::string key, ImageStore& store) {
  return ItemMaker(config, repository, describer, item, std::move(key), store).make();
}

}  // namespace medisyn
