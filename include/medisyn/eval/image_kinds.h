// What an image shows: images are compared with real ones of the same specialty and image type.
#pragma once

#include <compare>
#include <string>
#include <vector>

#include "medisyn/data/manifest.h"

namespace medisyn {

/// Either is "" where the manifest does not say: a folder of images is of one kind.
struct ImageKind {
  std::string specialty;
  std::string image_type;

  auto operator<=>(const ImageKind&) const = default;
};

/// For messages: "Radiology, CT".
std::string to_string(const ImageKind& kind);

/// The heading under which a kind is counted: its specialty; where it has none, its image type; else "all
/// images".
std::string specialty_of(const ImageKind& kind);

/// The records' own kinds.
std::vector<ImageKind> kinds_of(const Manifest& manifest);

/// The kind that each generated image was asked for. What is known of it narrows down the kinds of the real
/// images until one is left: its own specialty and image type, where its metadata has them, and, where they
/// do not name both, its prompt, where real images have it for a caption. Of real images of one kind alone,
/// every generated image is of that kind. Error naming the image and its prompt when none is left, or more
/// than one.
std::vector<ImageKind> prompted_kinds(const Manifest& generated, const Manifest& real);

}  // namespace medisyn
