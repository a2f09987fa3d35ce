// Pieces of a picture: its crop, its tiles.
#pragma once

#include "medisyn/curate/shot.h"

namespace medisyn {

/// Cuts one picture as the repository says and hands the pieces on. `whole`: the picture with what is known
/// of it, whose extent and words all pieces inherit.
void cut_picture(const RepositoryConfig& repository, const Facts& facts, const Shot& whole,
                 const ShotSink& sink);

/// {"row", "upper"}, {"column", "left"}, ... for a piece whose centre lies at these shares of the whole.
CaptionWords place_words(double row, double column);

void read_volume(const CurateConfig& config, const RepositoryConfig& repository, const Item& item,
                 const ShotSink& sink);
void read_video(const CurateConfig& config, const RepositoryConfig& repository, const Item& item,
                const ShotSink& sink);
void read_slide(const RepositoryConfig& repository, const Item& item, const ShotSink& sink);

}  // namespace medisyn
