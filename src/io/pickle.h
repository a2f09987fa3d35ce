// The pickles inside files of torch.save, as far as LibTorch's unpickler needs them rewritten.
#pragma once

#include <string>
#include <string_view>

namespace medisyn {

/// The pickle with each OrderedDict as a plain dict, and each object with a state as the pair of both:
/// LibTorch makes None of an OrderedDict, for it knows them as the unused hooks of a tensor alone, and
/// stumbles over BUILD, but model.state_dict() is an OrderedDict whose state is its `_metadata`. Unchanged
/// when an instruction is unknown or cut short: the unpickler will say so.
std::string with_plain_dicts(std::string pickle);

/// The pickle that `bytes` begin with, its STOP included; "" when there is none.
std::string_view first_pickle(std::string_view bytes);

}  // namespace medisyn
