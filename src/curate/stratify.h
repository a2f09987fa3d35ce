// Chooses a side for each free group, so that every stratum comes near the ratio.
#pragma once

#include <string>
#include <vector>

#include "split_links.h"

namespace medisyn {

/// How many of a group's images lie in a stratum. An image of several labels lies in several.
struct StratumShare {
  Index stratum = 0;
  Index images = 0;
};

struct StratifiedGroups {
  /// Strata from 0 to `classes` are the classes of the repositories, in an order that does not hang on that
  /// of the images; further ones are wholes whose proportions count as well.
  std::size_t classes = 0;
  std::size_t strata = 0;
  std::vector<Index> begin;  ///< [groups + 1] into shares
  std::vector<StratumShare> shares;
  std::vector<std::string> names;    ///< [groups], unique
  std::vector<std::uint32_t> draws;  ///< [groups]: the seed's choice among equals
  std::vector<Side> sides;           ///< [groups]; those that are kFree are decided
};

/// After iterative stratification (Sechidis, Tsoumakas and Vlahavas: On the stratification of multi-label
/// data, 2011), for groups: the class with the fewest images to be placed comes first, in it the largest
/// group, which goes to the side that lacks most in its strata. The lack is counted towards the ratio of what
/// is placed so far and not of the end: so the largest groups do not all fall to training, and each side sees
/// groups of all sizes. At the end groups change sides where that brings the strata nearer to the ratio.
void stratify(StratifiedGroups& groups, const std::vector<double>& ratio);

}  // namespace medisyn
