// The YAML of `medisyn report`: which folders the page shows. Whatever is left out has no part in the page.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "medisyn/core/config.h"

namespace medisyn {

/// A folder with a title.
struct ReportEntry {
  std::string title;
  std::filesystem::path path;

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("title", self.title, required());
    visit("path", self.path, required());
  }
};

struct ReportConfig {
  std::string title = "medisyn report";
  std::string subtitle;
  std::vector<std::string> notes;                ///< what must be known before the scores are read
  std::optional<std::filesystem::path> data;     ///< the manifest: captions of real images, sources, licences
  std::vector<ReportEntry> training;             ///< runs of train
  std::optional<std::filesystem::path> samples;  ///< a run of generate
  std::optional<std::filesystem::path> control;  ///< the same run with every prompt emptied
  std::optional<std::filesystem::path> alignment;  ///< results of eval
  std::optional<std::filesystem::path> fid;
  std::vector<ReportEntry> msssim;

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("title", self.title);
    visit("subtitle", self.subtitle);
    visit("notes", self.notes);
    visit("data", self.data);
    visit("training", self.training);
    visit("samples", self.samples);
    visit("control", self.control);
    visit("alignment", self.alignment);
    visit("fid", self.fid);
    visit("msssim", self.msssim);
  }
};

}  // namespace medisyn
